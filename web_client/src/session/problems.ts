// Errors as the page shows them: a title, and advice on what to do.

import { ApiError, ServerUnreachable } from "../api/client";
import { MediaConnectionLost, ScreenBlocked, UnplayableFile, WebRtcMissing } from "../media/errors";
import type { SourceKind } from "../media/source";
import { CAMERA_ERRORS, MICROPHONE_ERRORS, PROBLEMS, toSentence } from "../texts";
import { errorMessage } from "./error_message";

export interface Problem {
  /** `device`: the browser did not open the device; may be resolved by a change of devices or permissions. */
  kind: "device" | "source" | "server" | "busy" | "media" | "access" | "rejected" | "session";
  title: string;
  advice: string;
}

/** The server ended the session with an error. */
export class SessionFailed extends Error {}

export const MICROPHONE_ENDED: Problem = { kind: "source", ...PROBLEMS.microphoneEnded };
export const INSECURE_PAGE: Problem = { kind: "source", ...PROBLEMS.insecurePage };
export const SERVER_UNREACHABLE: Problem = { kind: "server", ...PROBLEMS.serverUnreachable };
export const SOURCE_ENDED: Record<SourceKind, Problem> = {
  camera: { kind: "source", ...PROBLEMS.cameraEnded },
  screen: { kind: "source", ...PROBLEMS.screenEnded },
  file: { kind: "source", ...PROBLEMS.fileEnded },
};

/** Any error of a stream, as shown to the user. */
export function problemOf(error: unknown): Problem {
  const camera = error instanceof Error ? CAMERA_ERRORS[error.name] : undefined;
  if (camera !== undefined) return { kind: "device", title: camera[0], advice: camera[1] };
  if (error instanceof ScreenBlocked) return { kind: "source", ...PROBLEMS.screenBlocked };
  if (error instanceof UnplayableFile) return { kind: "source", ...PROBLEMS.unplayable(error.file, error.message) };
  if (error instanceof WebRtcMissing) return { kind: "session", ...PROBLEMS.noWebRtc };
  if (error instanceof ServerUnreachable) return SERVER_UNREACHABLE;
  if (error instanceof ApiError) return apiProblem(error);
  const reason = errorMessage(error);
  if (error instanceof MediaConnectionLost) return { kind: "media", ...PROBLEMS.noMedia(reason) };
  return { kind: "session", ...PROBLEMS.sessionFailed(reason) };
}

/** An error of the sound only: the video continues. */
export function soundProblemOf(error: unknown): Problem {
  const known = error instanceof Error ? MICROPHONE_ERRORS[error.name] : undefined;
  const [title, advice] = known ?? [PROBLEMS.soundFailed, toSentence(errorMessage(error))];
  return { kind: "device", title, advice };
}

function apiProblem(error: ApiError): Problem {
  if (error.status === 503) return { kind: "busy", ...PROBLEMS.noCapacity(error.message) };
  if (error.status === 401) return { kind: "access", title: PROBLEMS.serverNeedsToken, advice: toSentence(error.message) };
  return { kind: "rejected", title: PROBLEMS.sessionRejected, advice: toSentence(error.message) };
}

/** Whether a retry may succeed without any action by the user. */
export function isTransient(error: unknown): boolean {
  return error instanceof ServerUnreachable || error instanceof MediaConnectionLost || (error instanceof ApiError && error.status === 503);
}
