// The states of session and server, in words: the pill in the header and the banner.

import { INSECURE, sentence, SERVER_GONE } from "./problems";
import type { Problem } from "./problems";
import type { Stats, Status } from "./protocol";
import type { ServerState } from "./server_watch";
import type { AccessState } from "./session/access";
import type { PicturesState } from "./session/pictures";
import type { SessionState } from "./session/session_state";
import type { SourceKind } from "./source";

export type Tone = "quiet" | "busy" | "good" | "bad";

export interface Pill {
  text: string;
  tone: Tone;
}

/** What a banner's button does; `now` is `again` in the middle of a wait. */
export type BannerAction = "again" | "now" | "camera" | "dismiss";

export interface Banner {
  tone: "busy" | "bad";
  title: string;
  advice: string;
  /** None where there is nothing to press. */
  action?: BannerAction;
}

export interface Situation {
  access: AccessState["name"];
  prepared: boolean; // the preset is known
  secure: boolean; // else the browser hands out neither camera nor screen
  choice: SourceKind;
  chosen: boolean; // else the file has yet to be chosen
  sends: boolean; // a source is open
  notice: Problem | null; // with the source of a session that goes on
  kept: boolean; // a session waits for its source to be chosen again
  server: ServerState;
  session: SessionState;
  status: Status | null; // the newest telemetry of a live session
  pictures: PicturesState; // whether new ones come, whatever telemetry says
  paused: boolean; // as the server has acknowledged
}

const OPENING: Record<SourceKind, string> = {
  camera: "Asking for the camera…",
  screen: "Asking for the screen…",
  file: "Opening the file…",
};

const PILLS: Record<Exclude<SessionState["name"], "opening">, Pill> = {
  idle: { text: "Ready", tone: "quiet" },
  connecting: { text: "Connecting…", tone: "busy" },
  live: { text: "Live", tone: "good" },
  reconnecting: { text: "Reconnecting…", tone: "busy" },
  failed: { text: "Stopped", tone: "bad" },
};

export function pillOf(situation: Situation): Pill {
  const { server, session } = situation;
  if (situation.access === "asked") return { text: "Token needed", tone: "bad" };
  if (situation.access === "viewer") return { text: "Watching only", tone: "quiet" };
  if (isBlocked(situation)) return { text: "Not secure", tone: "bad" };
  if (session.name === "live") return livePill(situation);
  if (session.name === "opening") return { text: OPENING[session.kind], tone: "busy" };
  if (session.name !== "idle") return PILLS[session.name];
  if (server.name === "gone") return { text: "No server", tone: "bad" };
  if (server.name === "loading") return { text: "Model loading…", tone: "busy" };
  if (server.name === "asking" || !situation.prepared) return { text: "Loading…", tone: "quiet" };
  return PILLS.idle;
}

function livePill({ status, pictures, paused }: Situation): Pill {
  if (pictures !== "coming" || status?.state === "stalled") return { text: "No new pictures", tone: "busy" };
  if (status?.state === "model_restarting") return { text: "Model restarting…", tone: "busy" };
  if (paused) return { text: "Paused", tone: "quiet" };
  if (status?.state !== "live" && status?.state !== "paused") return { text: "Waiting for the first picture…", tone: "busy" };
  return PILLS.live;
}

/** The one thing worth telling now, the gravest first. */
export function bannerOf(situation: Situation): Banner | null {
  const { server, session, notice } = situation;
  if (situation.access === "asked" || situation.access === "viewer") return null; // a form says it
  if (isBlocked(situation)) return bad(INSECURE);
  if (server.name === "gone" && session.name !== "live") return bad(SERVER_GONE, "again");
  if (session.name === "failed") return bad(session.problem, "again");
  if (session.name === "reconnecting") {
    return { tone: "busy", title: "Reconnecting", advice: `${cause(session.reason, server)}Your settings are kept.`, action: "now" };
  }
  if (session.name === "live") return noPicture(situation) ?? (notice === null ? null : noticeBanner(notice, situation));
  if (notice !== null) return noticeBanner(notice, situation);
  if (server.name === "loading") return { tone: "busy", title: "The model is loading", advice: sentence(server.reason) };
  if (situation.kept && session.name === "idle") return KEPT;
  return null;
}

/** Why there is no connection, as far as it is still true: what a server that was loading said is not, once it is ready. */
function cause(reason: string | null, server: ServerState): string {
  if (server.name === "loading") return "The server is loading its model. ";
  return reason === null ? "" : `${sentence(reason)} `;
}

/** A live session without new pictures: why, as the server says it. */
function noPicture({ status, pictures, paused, notice }: Situation): Banner | null {
  const reason = status?.reason ? `${sentence(status.reason)} ` : "";
  const back = "The picture comes back by itself.";
  if (pictures === "silent") return { tone: "busy", title: "No new pictures come", advice: `The server has not been heard for a few seconds. ${back}` };
  if (status?.state === "model_restarting") return { tone: "busy", title: "The model is restarting", advice: `${reason}${back}` };
  if (pictures === "still" || status?.state === "stalled") return { tone: "busy", title: "No new pictures come", advice: `${reason}${back}` };
  if (reason === "" || notice !== null || paused) return null;
  return { tone: "busy", title: "There is no picture", advice: reason.trim() };
}

/** Figures of pictures that come. Those of pictures that came once say nothing. */
export function figuresOf({ session, status, pictures }: Situation): Stats | null {
  return session.name === "live" && status?.state === "live" && pictures === "coming" ? status.stats : null;
}

const KEPT: Banner = {
  tone: "busy",
  title: "Your session is still open",
  advice: "Choose the file or screen again, then press Start.",
};

function noticeBanner(notice: Problem, { sends, secure }: Situation): Banner {
  if (sends) return bad(notice, "dismiss");
  return secure ? bad(notice, "camera") : bad(notice);
}

function bad({ title, advice }: Problem, action?: BannerAction): Banner {
  return { tone: "bad", title, advice, ...(action === undefined ? {} : { action }) };
}

/** The chosen source is one that this page cannot have. */
function isBlocked({ secure, choice, session }: Situation): boolean {
  return !secure && choice !== "file" && startLabel(session) === "Start";
}

/** Start and Stop are one button. */
export function startLabel(session: SessionState): "Start" | "Stop" {
  return session.name === "idle" || session.name === "failed" ? "Start" : "Stop";
}

export function mayStart(situation: Situation): boolean {
  return startLabel(situation.session) === "Stop" || (situation.access === "given" && situation.prepared && !isBlocked(situation) && situation.chosen && situation.server.name === "ready");
}

export function number(value: number | null | undefined, digits = 0, scale = 1): string {
  return value === null || value === undefined ? "–" : (value * scale).toFixed(digits);
}

/** "encode 3 · denoise 41" milliseconds a block; empty where nothing was measured. */
export function stagesText(stages: Record<string, number> | null | undefined): string {
  const parts = Object.entries(stages ?? {}).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 1 : 0)}`);
  return parts.length > 0 ? `Model, ms a block: ${parts.join(" · ")}` : "";
}
