// The texts of the header's status pill and of the banner, derived from the state of page, stream and server.

import { INSECURE_PAGE, toSentence, SERVER_UNREACHABLE } from "../session/problems";
import type { Problem } from "../session/problems";
import type { Stats, Status } from "../api/protocol";
import type { ServerState } from "../session/server_monitor";
import type { AccessState } from "../session/access";
import type { FramesState } from "../session/frame_monitor";
import type { StreamState } from "../session/stream_state";
import type { SourceKind } from "../media/source";

export type Tone = "neutral" | "busy" | "success" | "error";

export interface Pill {
  text: string;
  tone: Tone;
}

/** The action of a banner's button; `retry_now` ends a wait between attempts. */
export type BannerAction = "retry" | "retry_now" | "camera" | "dismiss";

export interface Banner {
  tone: "busy" | "error";
  title: string;
  advice: string;
  /** Undefined: the banner has no button. */
  action?: BannerAction;
}

export interface PageState {
  access: AccessState["name"];
  presetLoaded: boolean; // preset and schema are loaded
  isSecure: boolean; // secure context: camera and screen are available
  sourceKind: SourceKind;
  isSourceChosen: boolean; // false: a file has still to be chosen
  isSending: boolean; // a source is open
  notice: Problem | null; // about the source or sound of a continuing session
  hasSavedSession: boolean; // a parked session waits for its source
  server: ServerState;
  stream: StreamState;
  status: Status | null; // the newest telemetry of a live stream
  frames: FramesState; // whether new frames arrive
  isPaused: boolean; // as acknowledged by the server
}

const OPENING_TEXTS: Record<SourceKind, string> = {
  camera: "Asking for the camera…",
  screen: "Asking for the screen…",
  file: "Opening the file…",
};

const PILLS: Record<Exclude<StreamState["name"], "opening">, Pill> = {
  idle: { text: "Ready", tone: "neutral" },
  connecting: { text: "Connecting…", tone: "busy" },
  live: { text: "Live", tone: "success" },
  reconnecting: { text: "Reconnecting…", tone: "busy" },
  failed: { text: "Stopped", tone: "error" },
};

export function pillOf(page: PageState): Pill {
  const { server, stream } = page;
  if (page.access === "token_required") return { text: "Token needed", tone: "error" };
  if (page.access === "viewer") return { text: "Watching only", tone: "neutral" };
  if (isBlocked(page)) return { text: "Not secure", tone: "error" };
  if (stream.name === "live") return livePill(page);
  if (stream.name === "opening") return { text: OPENING_TEXTS[stream.kind], tone: "busy" };
  if (stream.name !== "idle") return PILLS[stream.name];
  if (server.name === "unreachable") return { text: "No server", tone: "error" };
  if (server.name === "loading") return { text: "Model loading…", tone: "busy" };
  if (server.name === "checking" || !page.presetLoaded) return { text: "Loading…", tone: "neutral" };
  return PILLS.idle;
}

function livePill({ status, frames, isPaused }: PageState): Pill {
  if (frames !== "flowing" || status?.state === "stalled") return { text: "No new pictures", tone: "busy" };
  if (status?.state === "model_restarting") return { text: "Model restarting…", tone: "busy" };
  if (isPaused) return { text: "Paused", tone: "neutral" };
  if (status?.state !== "live" && status?.state !== "paused") return { text: "Waiting for the first picture…", tone: "busy" };
  return PILLS.live;
}

/** The most important message, or null. */
export function bannerOf(page: PageState): Banner | null {
  const { server, stream, notice } = page;
  if (page.access === "token_required" || page.access === "viewer") return null; // the token form says it
  if (isBlocked(page)) return errorBanner(INSECURE_PAGE);
  if (server.name === "unreachable" && stream.name !== "live") return errorBanner(SERVER_UNREACHABLE, "retry");
  if (stream.name === "failed") return errorBanner(stream.problem, "retry");
  if (stream.name === "reconnecting") {
    return { tone: "busy", title: "Reconnecting", advice: `${disconnectCause(stream.reason, server)}Your settings are kept.`, action: "retry_now" };
  }
  if (stream.name === "live") return missingFramesBanner(page) ?? (notice === null ? null : noticeBanner(notice, page));
  if (notice !== null) return noticeBanner(notice, page);
  if (server.name === "loading") return { tone: "busy", title: "The model is loading", advice: toSentence(server.reason) };
  if (page.hasSavedSession && stream.name === "idle") return SAVED_SESSION_BANNER;
  return null;
}

/** Why there is no connection. A server that is loading its model replaces the older reason. */
function disconnectCause(reason: string | null, server: ServerState): string {
  if (server.name === "loading") return "The server is loading its model. ";
  return reason === null ? "" : `${toSentence(reason)} `;
}

/** Why a live stream has no new frames, with the server's reason if there is one. */
function missingFramesBanner({ status, frames, isPaused, notice }: PageState): Banner | null {
  const reason = status?.reason ? `${toSentence(status.reason)} ` : "";
  const outlook = "The picture comes back by itself.";
  if (frames === "no_telemetry") return { tone: "busy", title: "No new pictures", advice: `The server has sent nothing for a few seconds. ${outlook}` };
  if (status?.state === "model_restarting") return { tone: "busy", title: "The model is restarting", advice: `${reason}${outlook}` };
  if (frames === "stalled" || status?.state === "stalled") return { tone: "busy", title: "No new pictures", advice: `${reason}${outlook}` };
  if (reason === "" || notice !== null || isPaused) return null;
  return { tone: "busy", title: "There is no picture", advice: reason.trim() };
}

/** The newest stats while frames arrive; null otherwise, since old values would mislead. */
export function currentStats({ stream, status, frames }: PageState): Stats | null {
  return stream.name === "live" && status?.state === "live" && frames === "flowing" ? status.stats : null;
}

const SAVED_SESSION_BANNER: Banner = {
  tone: "busy",
  title: "Your session is still open",
  advice: "Choose the file or screen again, then press Start.",
};

function noticeBanner(notice: Problem, { isSending, isSecure }: PageState): Banner {
  if (isSending) return errorBanner(notice, "dismiss");
  return isSecure ? errorBanner(notice, "camera") : errorBanner(notice);
}

function errorBanner({ title, advice }: Problem, action?: BannerAction): Banner {
  return { tone: "error", title, advice, ...(action === undefined ? {} : { action }) };
}

/** Whether the chosen source is unavailable in this insecure context. */
function isBlocked({ isSecure, sourceKind, stream }: PageState): boolean {
  return !isSecure && sourceKind !== "file" && startLabel(stream) === "Start";
}

/** Start and Stop share a button. */
export function startLabel(stream: StreamState): "Start" | "Stop" {
  return stream.name === "idle" || stream.name === "failed" ? "Start" : "Stop";
}

export function canStart(page: PageState): boolean {
  return startLabel(page.stream) === "Stop" || (page.access === "granted" && page.presetLoaded && !isBlocked(page) && page.isSourceChosen && page.server.name === "ready");
}

export function formatNumber(value: number | null | undefined, digits = 0, scale = 1): string {
  return value === null || value === undefined ? "–" : (value * scale).toFixed(digits);
}

/** "encode 3 · denoise 41": milliseconds per block; empty if nothing was measured. */
export function modelStagesText(stages: Record<string, number> | null | undefined): string {
  const parts = Object.entries(stages ?? {}).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 1 : 0)}`);
  return parts.length > 0 ? `Model time per block (ms): ${parts.join(" · ")}` : "";
}
