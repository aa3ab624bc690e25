// The status pill in the header.

import type { SourceKind } from "../media/source";
import type { StreamState } from "../session/stream_state";
import { isBlocked } from "./page_state";
import type { PageState } from "./page_state";

export type Tone = "neutral" | "busy" | "success" | "error";

export interface Pill {
  text: string;
  tone: Tone;
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
