// What is checked before a stream: camera, codecs, server, round trip, ways through the network.

import { ServerUnreachable } from "../api/client";
import type { Readiness } from "../api/protocol";
import { WebRtcMissing } from "../media/errors";
import type { IceReach } from "../media/ice_check";
import { CHECKS } from "../texts";
import { errorMessage } from "./error_message";

export type CheckLevel = "ok" | "warn" | "fail";

export interface CheckResult {
  level: CheckLevel;
  text: string;
  /** What helps; empty: nothing has to be done. */
  remedy: string;
}

/** What the browser allows and has. */
export interface BrowserFacts {
  isCameraAllowed: boolean;
  permission: PermissionState | null; // null: this browser does not tell
  cameras: number;
  codecs: string[]; // that it can send and receive, as MIME types
}

export interface CheckedServer {
  readiness(): Promise<Readiness>;
  iceServers(): Promise<RTCIceServer[]>;
}

const ROUND_TRIPS = 5;
const SLOW_ROUND_TRIP_MS = 150; // the edit's latency is fair from 500 ms

export function checkCamera({ isCameraAllowed, permission, cameras }: BrowserFacts): CheckResult {
  if (!isCameraAllowed) return warn(CHECKS.cameraInsecure);
  if (permission === "denied") return warn(CHECKS.cameraDenied);
  if (cameras === 0) return warn(CHECKS.noCamera);
  return ok(permission === "granted" ? CHECKS.camera : CHECKS.cameraPrompt);
}

export function checkCodecs({ codecs }: BrowserFacts): CheckResult {
  const has = (name: string): boolean => codecs.includes(`video/${name}`);
  if (has("h264")) return ok(CHECKS.h264);
  return has("vp8") ? warn(CHECKS.vp8) : fail(CHECKS.noCodec);
}

export async function checkServer(server: CheckedServer): Promise<CheckResult> {
  try {
    const readiness = await server.readiness();
    return readiness.ready ? ok(CHECKS.ready) : warn(CHECKS.notReady(readiness.reason));
  } catch (error) {
    return fail(error instanceof ServerUnreachable ? CHECKS.unreachable : CHECKS.serverError(errorMessage(error)));
  }
}

/** The shortest of a few requests: the first one also opens the connection. */
export async function checkRoundTrip(server: CheckedServer, now: () => number): Promise<CheckResult> {
  try {
    let shortest = Infinity;
    for (let i = 0; i < ROUND_TRIPS; i++) {
      const start = now();
      await server.readiness();
      shortest = Math.min(shortest, now() - start);
    }
    return shortest <= SLOW_ROUND_TRIP_MS ? ok(CHECKS.roundTrip(shortest)) : warn(CHECKS.slowRoundTrip(shortest));
  } catch (error) {
    return fail(CHECKS.noRoundTrip(errorMessage(error)));
  }
}

export async function checkNetwork(server: CheckedServer, gather: (servers: RTCIceServer[]) => Promise<IceReach>): Promise<CheckResult> {
  try {
    return networkResult(await gather(await server.iceServers()));
  } catch (error) {
    if (error instanceof WebRtcMissing) return fail(CHECKS.noWebRtc);
    return fail(CHECKS.networkError(errorMessage(error)));
  }
}

function networkResult({ candidates, stun, stunResponds, turn }: IceReach): CheckResult {
  if (candidates.length === 0) return fail(CHECKS.noCandidates);
  if (candidates.includes("relay")) return ok(stunResponds || !stun ? CHECKS.relay : CHECKS.relayOnly);
  if (turn) return warn(CHECKS.noRelay);
  if (stunResponds) return ok(CHECKS.stun);
  return stun ? warn(CHECKS.noStun) : ok(CHECKS.direct);
}

type CheckText = Omit<CheckResult, "level">;

const ok = (text: CheckText): CheckResult => ({ level: "ok", ...text });
const warn = (text: CheckText): CheckResult => ({ level: "warn", ...text });
const fail = (text: CheckText): CheckResult => ({ level: "fail", ...text });
