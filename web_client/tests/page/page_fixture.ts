// An idle page and a telemetry status, to vary in tests.

import type { SessionStatus } from "../../src/api/protocol";
import type { PageState } from "../../src/page/page_state";

export const idle: PageState = {
  access: "granted",
  presetLoaded: true,
  isSecure: true,
  sourceKind: "camera",
  isSourceChosen: true,
  isSending: false,
  notice: null,
  hasSavedSession: false,
  server: { name: "ready" },
  stream: { name: "idle" },
  status: null,
  frames: "flowing",
  fit: "crop",
  isPaused: false,
};
export const status = (state: SessionStatus["state"], reason: string | null = null): SessionStatus => ({ state, reason, parameters: { paused: state === "paused" } }) as SessionStatus;
