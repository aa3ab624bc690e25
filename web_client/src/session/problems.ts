// Errors as the page shows them: a title, and advice on what to do.

import { ApiError, ServerUnreachable } from "../api/client";
import { MediaConnectionLost, ScreenBlocked, UnplayableFile } from "../media/errors";
import type { SourceKind } from "../media/source";

export interface Problem {
  /** `device`: the browser did not open the device; may be resolved by a change of devices or permissions. */
  kind: "device" | "source" | "server" | "busy" | "media" | "access" | "refused" | "session";
  title: string;
  advice: string;
}

/** The server ended the session with an error. */
export class SessionFailed extends Error {}

const CAMERA_ERRORS: Record<string, [title: string, advice: string]> = {
  NotAllowedError: [
    "The camera is blocked",
    "Allow the camera for this page (the camera or lock symbol beside the address), then try again. On a computer, the system's privacy settings may block it too.",
  ],
  NotFoundError: ["No camera was found", "Connect a camera, or switch it on, then try again; or choose Screen or File."],
  NotReadableError: [
    "The camera is in use",
    "Another program or tab seems to use the camera. Close it there, or pick another camera, then try again.",
  ],
  OverconstrainedError: ["That camera is not connected any more", "Pick another camera, then try again."],
};

const MICROPHONE_ERRORS: Record<string, [title: string, advice: string]> = {
  NotAllowedError: ["The microphone is blocked", "Allow the microphone for this page (the symbol beside the address), then switch it on again."],
  NotFoundError: ["No microphone was found", "Connect a microphone, then switch it on again."],
  NotReadableError: ["The microphone is in use", "Another program seems to use it. Close it there, then switch it on again."],
};

export const MICROPHONE_ENDED: Problem = {
  kind: "source",
  title: "The microphone stopped",
  advice: "It was unplugged, or another program took it. The video continues without sound. Connect it again, then switch it on again.",
};

export const INSECURE_PAGE: Problem = {
  kind: "source",
  title: "The browser blocks camera and screen on http:// pages",
  advice:
    "You can still use a video file. For camera or screen open the page over https:// (start the server with --tls-cert and --tls-key), or as http://127.0.0.1 on the server itself.",
};

export const SOURCE_ENDED: Record<SourceKind, Problem> = {
  camera: {
    kind: "source",
    title: "The camera stopped",
    advice: "It was unplugged, or another program took it. Connect it again or choose another source.",
  },
  screen: {
    kind: "source",
    title: "Screen sharing ended",
    advice: "Your session is still open: choose what to send next.",
  },
  file: {
    kind: "source",
    title: "The video could not be read to its end",
    advice: "Your session is still open: choose what to send next.",
  },
};

const SCREEN_BLOCKED: Problem = {
  kind: "source",
  title: "The operating system blocks screen sharing",
  advice: "Allow this browser to record the screen in the system's privacy settings, then try again.",
};

export const SERVER_UNREACHABLE: Problem = {
  kind: "server",
  title: "The server does not respond",
  advice: "Check that `lipar serve` is running and that this machine can reach it. The page keeps trying.",
};

/** Any error of a stream, as shown to the user. */
export function problemOf(error: unknown): Problem {
  const camera = error instanceof Error ? CAMERA_ERRORS[error.name] : undefined;
  if (camera !== undefined) return { kind: "device", title: camera[0], advice: camera[1] };
  if (error instanceof ScreenBlocked) return SCREEN_BLOCKED;
  if (error instanceof UnplayableFile) {
    return { kind: "source", title: `${error.file} cannot be played`, advice: `${toSentence(error.message)} Try another file, for example MP4 (H.264).` };
  }
  if (error instanceof ServerUnreachable) return SERVER_UNREACHABLE;
  if (error instanceof ApiError) return apiProblem(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MediaConnectionLost) {
    return {
      kind: "media",
      title: "No video connection to the server",
      advice: `The server responds, but video does not get through (${reason}). A firewall or a VPN may be blocking UDP between here and the server.`,
    };
  }
  return { kind: "session", title: "The session failed", advice: `${toSentence(reason)} Try again.` };
}

/** An error of the sound only: the video continues. */
export function soundProblemOf(error: unknown): Problem {
  const known = error instanceof Error ? MICROPHONE_ERRORS[error.name] : undefined;
  const [title, advice] = known ?? ["The sound could not be opened", toSentence(error instanceof Error ? error.message : String(error))];
  return { kind: "device", title, advice };
}

function apiProblem(error: ApiError): Problem {
  if (error.status === 503) {
    return { kind: "busy", title: "The server can't take another stream now", advice: `${toSentence(error.message)} Try again in a moment.` };
  }
  if (error.status === 401) return { kind: "access", title: "The server needs a token", advice: toSentence(error.message) };
  return { kind: "refused", title: "The server refused the session", advice: toSentence(error.message) };
}

/** Whether a retry may succeed without any action by the user. */
export function isTransient(error: unknown): boolean {
  return error instanceof ServerUnreachable || error instanceof MediaConnectionLost || (error instanceof ApiError && error.status === 503);
}

export function toSentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
