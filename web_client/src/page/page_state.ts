// The state of the editor's page, from which its pill, banner and buttons are derived.

import type { Fit, Stats, SessionStatus } from "../api/protocol";
import type { SourceKind } from "../media/source";
import type { AccessState } from "../session/access";
import type { FramesState } from "../session/frame_monitor";
import type { Problem } from "../session/problems";
import type { ServerState } from "../session/server_monitor";
import type { StreamState } from "../session/stream_state";

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
  status: SessionStatus | null; // the newest telemetry of a live stream
  frames: FramesState; // whether new frames arrive
  fit: Fit; // as acknowledged by the server
  isPaused: boolean; // as acknowledged by the server
}

/** The newest stats while frames arrive; null otherwise, since old values would mislead. */
export function currentStats({ stream, status, frames }: PageState): Stats | null {
  return stream.name === "live" && status?.state === "live" && frames === "flowing" ? status.stats : null;
}

/** Whether the chosen source is unavailable in this insecure context. */
export function isBlocked({ isSecure, sourceKind, stream }: PageState): boolean {
  return !isSecure && sourceKind !== "file" && !isRunning(stream);
}

/** Whether a stream is being started or is live; Start and Stop share a button. */
export function isRunning(stream: StreamState): boolean {
  return stream.name !== "idle" && stream.name !== "failed";
}

export function canStart(page: PageState): boolean {
  return isRunning(page.stream) || (page.access === "granted" && page.presetLoaded && !isBlocked(page) && page.isSourceChosen && page.server.name === "ready");
}
