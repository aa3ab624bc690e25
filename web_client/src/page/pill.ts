// The status pill in the header.

import type { SourceKind } from "../media/source";
import type { StreamState } from "../session/stream_state";
import { PILLS as TEXTS } from "../texts";
import { isBlocked } from "./page_state";
import type { PageState } from "./page_state";

export type Tone = "neutral" | "busy" | "success" | "error";

export interface Pill {
  text: string;
  tone: Tone;
}

const OPENING_TEXTS: Record<SourceKind, string> = {
  camera: TEXTS.openingCamera,
  screen: TEXTS.openingScreen,
  file: TEXTS.openingFile,
};

const PILLS: Record<Exclude<StreamState["name"], "opening">, Pill> = {
  idle: { text: TEXTS.ready, tone: "neutral" },
  connecting: { text: TEXTS.connecting, tone: "busy" },
  live: { text: TEXTS.live, tone: "success" },
  reconnecting: { text: TEXTS.reconnecting, tone: "busy" },
  failed: { text: TEXTS.stopped, tone: "error" },
};

export function pillOf(page: PageState): Pill {
  const { server, stream } = page;
  if (page.access === "token_required") return { text: TEXTS.tokenNeeded, tone: "error" };
  if (page.access === "viewer") return { text: TEXTS.watchingOnly, tone: "neutral" };
  if (isBlocked(page)) return { text: TEXTS.notSecure, tone: "error" };
  if (stream.name === "live") return livePill(page);
  if (stream.name === "opening") return { text: OPENING_TEXTS[stream.kind], tone: "busy" };
  if (stream.name !== "idle") return PILLS[stream.name];
  if (server.name === "unreachable") return { text: TEXTS.noServer, tone: "error" };
  if (server.name === "loading") return { text: TEXTS.modelLoading, tone: "busy" };
  if (server.name === "checking" || !page.presetLoaded) return { text: TEXTS.loading, tone: "neutral" };
  return PILLS.idle;
}

function livePill({ status, frames, isPaused }: PageState): Pill {
  if (frames !== "flowing" || status?.state === "stalled") return { text: TEXTS.noNewPictures, tone: "busy" };
  if (status?.state === "model_restarting") return { text: TEXTS.modelRestarting, tone: "busy" };
  if (isPaused) return { text: TEXTS.paused, tone: "neutral" };
  if (status?.state !== "live" && status?.state !== "paused") return { text: TEXTS.firstPicture, tone: "busy" };
  return PILLS.live;
}
