// The states of a session, from this page's point of view.

import type { Problem } from "../problems";
import type { SourceKind } from "../source";

export type SessionState =
  | { name: "idle" }
  | { name: "opening"; kind: SourceKind }
  | { name: "connecting" }
  | { name: "live" }
  /** `reason`: of the newest failure; null while it is tried again. */
  | { name: "reconnecting"; reason: string | null; attempt: number }
  | { name: "failed"; problem: Problem };
