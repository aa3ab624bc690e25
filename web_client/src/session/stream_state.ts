// The states of this page's stream.

import type { SourceKind } from "../media/source";
import type { Problem } from "./problems";

export type StreamState =
  | { name: "idle" }
  | { name: "opening"; kind: SourceKind }
  | { name: "connecting" }
  | { name: "live" }
  /** `reason`: of the last failure; null during an attempt. */
  | { name: "reconnecting"; reason: string | null; attempt: number }
  | { name: "failed"; problem: Problem };
