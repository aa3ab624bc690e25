// The states of session and server, in words: the pill in the header and the banner.

import { INSECURE, sentence, SERVER_GONE } from "./problems";
import type { Problem } from "./problems";
import type { Status } from "./protocol";
import type { ServerState } from "./server_watch";
import type { SessionState } from "./session";
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
  secure: boolean; // else the browser hands out neither camera nor screen
  choice: SourceKind;
  sends: boolean; // a source is open
  notice: Problem | null; // with the source of a session that goes on
  kept: boolean; // a session waits for its source to be chosen again
  server: ServerState;
  session: SessionState;
  status: Status | null; // the newest telemetry of a live session
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
  const { server, session, status } = situation;
  if (isBlocked(situation)) return { text: "Not secure", tone: "bad" };
  if (session.name === "live") return livePill(status);
  if (session.name === "opening") return { text: OPENING[session.kind], tone: "busy" };
  if (session.name !== "idle") return PILLS[session.name];
  if (server.name === "gone") return { text: "No server", tone: "bad" };
  if (server.name === "loading") return { text: "Model loading…", tone: "busy" };
  if (server.name === "asking") return { text: "Loading…", tone: "quiet" };
  return PILLS.idle;
}

function livePill(status: Status | null): Pill {
  if (status?.state === "model_restarting") return { text: "Model restarting…", tone: "busy" };
  if (status?.parameters.paused === true) return { text: "Paused", tone: "quiet" };
  if (status === null || status.state === "connecting") return { text: "Waiting for the first picture…", tone: "busy" };
  return PILLS.live;
}

/** The one thing worth telling now, the gravest first. */
export function bannerOf(situation: Situation): Banner | null {
  const { server, session, status, notice } = situation;
  if (isBlocked(situation)) return bad(INSECURE);
  if (server.name === "gone" && session.name !== "live") return bad(SERVER_GONE, "again");
  if (session.name === "failed") return bad(session.problem, "again");
  if (session.name === "reconnecting") {
    return {
      tone: "busy",
      title: "The connection was lost",
      advice: `${sentence(session.reason)} Attempt ${session.attempt}; your settings are kept.`,
      action: "now",
    };
  }
  if (session.name === "live" && status?.state === "model_restarting") {
    const reason = status.reason ? ` ${sentence(status.reason)}` : "";
    return { tone: "busy", title: "The model is restarting", advice: `The picture comes back by itself.${reason}` };
  }
  if (notice !== null) return noticeBanner(notice, situation);
  if (server.name === "loading") return { tone: "busy", title: "The model is not ready yet", advice: sentence(server.reason) };
  if (situation.kept && session.name === "idle") return KEPT;
  return null;
}

const KEPT: Banner = {
  tone: "busy",
  title: "Your session is kept for a moment",
  advice: "Pick its screen, file or another source and press Start to go on with it.",
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
  return startLabel(situation.session) === "Stop" || (!isBlocked(situation) && situation.server.name === "ready");
}

export function number(value: number | null | undefined, digits = 0, scale = 1): string {
  return value === null || value === undefined ? "–" : (value * scale).toFixed(digits);
}

/** "encode 3 · denoise 41" milliseconds a block; empty where nothing was measured. */
export function stagesText(stages: Record<string, number> | null | undefined): string {
  const parts = Object.entries(stages ?? {}).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 1 : 0)}`);
  return parts.length > 0 ? `Model, ms a block: ${parts.join(" · ")}` : "";
}
