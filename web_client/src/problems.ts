// What can go wrong, in the words of the person at the page: what it is, and what to do.

import { Refused, Unreachable } from "./api";
import type { SourceKind } from "./source";

export interface Problem {
  /** `device`: the browser did not hand it out; may be otherwise when devices or permissions change. */
  kind: "device" | "source" | "server" | "busy" | "media" | "access" | "refused" | "session";
  title: string;
  advice: string;
}

/** Someone thought better of it, which is no problem. */
export class Cancelled extends Error {}

/** The system keeps the screen from the browser. */
export class ScreenBlocked extends Error {}

/** A file that this browser cannot play, with the reason. */
export class Unplayable extends Error {
  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(reason);
  }
}

/** The connection to the server's media did not come up, or broke. */
export class MediaLost extends Error {}

/** The server ended the session, with its reason. */
export class SessionFailed extends Error {}

const CAMERA: Record<string, [title: string, advice: string]> = {
  NotAllowedError: [
    "The camera is blocked",
    "Allow the camera for this page (the camera or lock symbol beside the address), then try again. On a computer, the system's privacy settings may block it too.",
  ],
  NotFoundError: ["No camera was found", "Connect a camera, or switch it on, then try again; or choose Screen or File."],
  NotReadableError: [
    "The camera is in use",
    "Another program or tab seems to hold the camera. Close it there, or pick another camera, then try again.",
  ],
  OverconstrainedError: ["That camera is gone", "Pick another camera, then try again."],
};

const MICROPHONE: Record<string, [title: string, advice: string]> = {
  NotAllowedError: ["The microphone is blocked", "Allow the microphone for this page (the symbol beside the address), then switch it on again."],
  NotFoundError: ["No microphone was found", "Connect a microphone, then switch it on again."],
  NotReadableError: ["The microphone is in use", "Another program seems to hold it. Close it there, then switch it on again."],
};

export const MICROPHONE_ENDED: Problem = {
  kind: "source",
  title: "The microphone stopped",
  advice: "It was unplugged or taken by another program. The picture goes on without sound. Connect it again, then switch it on again.",
};

export const INSECURE: Problem = {
  kind: "source",
  title: "The browser blocks camera and screen on http:// pages",
  advice:
    "You can still use a video file. For camera or screen open the page over https:// (start the server with --tls-cert and --tls-key), or as http://127.0.0.1 on the server itself.",
};

export const ENDED: Record<SourceKind, Problem> = {
  camera: {
    kind: "source",
    title: "The camera stopped",
    advice: "It was unplugged or taken by another program. Connect it again or pick another source.",
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
  title: "The system keeps the screen from the browser",
  advice: "Allow this browser to record the screen in the system's privacy settings, then try again.",
};

export const SERVER_GONE: Problem = {
  kind: "server",
  title: "The server does not answer",
  advice: "Check that `lipar serve` is running and that this machine can reach it. The page keeps trying by itself.",
};

/** Any error of the session's, told to the user. */
export function problemOf(error: unknown): Problem {
  const camera = error instanceof Error ? CAMERA[error.name] : undefined;
  if (camera !== undefined) return { kind: "device", title: camera[0], advice: camera[1] };
  if (error instanceof ScreenBlocked) return SCREEN_BLOCKED;
  if (error instanceof Unplayable) {
    return { kind: "source", title: `${error.file} cannot be played`, advice: `${sentence(error.message)} Try another file, for example MP4 (H.264).` };
  }
  if (error instanceof Unreachable) return SERVER_GONE;
  if (error instanceof Refused) return refused(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof MediaLost) {
    return {
      kind: "media",
      title: "No video connection to the server",
      advice: `Its page answers, but video does not get through (${reason}). A firewall or a VPN may be blocking UDP between here and the server.`,
    };
  }
  return { kind: "session", title: "The session failed", advice: `${sentence(reason)} Try again.` };
}

/** The picture goes on without sound. */
export function soundProblemOf(error: unknown): Problem {
  const known = error instanceof Error ? MICROPHONE[error.name] : undefined;
  const [title, advice] = known ?? ["The sound could not be opened", sentence(error instanceof Error ? error.message : String(error))];
  return { kind: "device", title, advice };
}

function refused(error: Refused): Problem {
  if (error.status === 503) {
    return { kind: "busy", title: "The server can't take another stream now", advice: `${sentence(error.message)} Try again in a moment.` };
  }
  if (error.status === 401) return { kind: "access", title: "The server needs a token", advice: sentence(error.message) };
  return { kind: "refused", title: "The server refused the session", advice: sentence(error.message) };
}

/** Whether trying the same again may help without anybody doing anything. */
export function isTransient(error: unknown): boolean {
  return error instanceof Unreachable || error instanceof MediaLost || (error instanceof Refused && error.status === 503);
}

export function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
