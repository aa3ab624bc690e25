// The states of session and server, in words: the pill in the header and the banner.

import { INSECURE, sentence, SERVER_GONE } from "./problems";
import type { Status } from "./protocol";
import type { ServerState } from "./server_watch";
import type { SessionState } from "./session";

export type Tone = "quiet" | "busy" | "good" | "bad";

export interface Pill {
  text: string;
  tone: Tone;
}

export interface Banner {
  tone: "busy" | "bad";
  title: string;
  advice: string;
  /** What its button says; none where there is nothing to press. */
  button?: string;
}

export interface Situation {
  secure: boolean;
  server: ServerState;
  session: SessionState;
  status: Status | null; // the newest telemetry of a live session
}

const PILLS: Record<SessionState["name"], Pill> = {
  idle: { text: "Ready", tone: "quiet" },
  "asking-camera": { text: "Asking for the camera…", tone: "busy" },
  connecting: { text: "Connecting…", tone: "busy" },
  live: { text: "Live", tone: "good" },
  reconnecting: { text: "Reconnecting…", tone: "busy" },
  failed: { text: "Stopped", tone: "bad" },
};

export function pillOf({ secure, server, session, status }: Situation): Pill {
  if (!secure) return { text: "Not secure", tone: "bad" };
  if (session.name === "live") return livePill(status);
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
export function bannerOf({ secure, server, session, status }: Situation): Banner | null {
  if (!secure) return { tone: "bad", title: INSECURE.title, advice: INSECURE.advice };
  if (server.name === "gone" && session.name !== "live") {
    return { tone: "bad", title: SERVER_GONE.title, advice: SERVER_GONE.advice, button: "Try again" };
  }
  if (session.name === "failed") {
    return { tone: "bad", title: session.problem.title, advice: session.problem.advice, button: "Try again" };
  }
  if (session.name === "reconnecting") {
    return {
      tone: "busy",
      title: "The connection was lost",
      advice: `${sentence(session.reason)} Attempt ${session.attempt}; your settings are kept.`,
      button: "Try now",
    };
  }
  if (session.name === "live" && status?.state === "model_restarting") {
    const reason = status.reason ? ` ${sentence(status.reason)}` : "";
    return { tone: "busy", title: "The model is restarting", advice: `The picture comes back by itself.${reason}` };
  }
  if (server.name === "loading") return { tone: "busy", title: "The model is not ready yet", advice: sentence(server.reason) };
  return null;
}

/** Start and Stop are one button. */
export function startLabel(session: SessionState): "Start" | "Stop" {
  return session.name === "idle" || session.name === "failed" ? "Start" : "Stop";
}

export function mayStart({ secure, server, session }: Situation): boolean {
  return startLabel(session) === "Stop" || (secure && server.name === "ready");
}

export function number(value: number | null | undefined, digits = 0, scale = 1): string {
  return value === null || value === undefined ? "–" : (value * scale).toFixed(digits);
}

/** "encode 3 · denoise 41" milliseconds a block; empty where nothing was measured. */
export function stagesText(stages: Record<string, number> | null | undefined): string {
  const parts = Object.entries(stages ?? {}).map(([name, ms]) => `${name} ${ms.toFixed(ms < 10 ? 1 : 0)}`);
  return parts.length > 0 ? `ms a block: ${parts.join(" · ")}` : "";
}
