// The texts about failures, in English.

/** A reason, which may come from the server, as a sentence. */
export function toSentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

export const CAMERA_ERRORS: Record<string, [title: string, advice: string]> = {
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

export const MICROPHONE_ERRORS: Record<string, [title: string, advice: string]> = {
  NotAllowedError: ["The microphone is blocked", "Allow the microphone for this page (the symbol beside the address), then switch it on again."],
  NotFoundError: ["No microphone was found", "Connect a microphone, then switch it on again."],
  NotReadableError: ["The microphone is in use", "Another program seems to use it. Close it there, then switch it on again."],
};

export const PROBLEMS = {
  microphoneEnded: {
    title: "The microphone stopped",
    advice: "It was unplugged, or another program took it. The video continues without sound. Connect it again, then switch it on again.",
  },
  insecurePage: {
    title: "The browser blocks camera and screen on http:// pages",
    advice:
      "You can still use a video file. For camera or screen open the page over https:// (start the server with --self-signed, or with --tls-cert and --tls-key: see HTTPS in docs/deployment.md), or as http://127.0.0.1 on the server itself.",
  },
  cameraEnded: { title: "The camera stopped", advice: "It was unplugged, or another program took it. Connect it again or choose another source." },
  screenEnded: { title: "Screen sharing ended", advice: "Your session is still open: choose what to send next." },
  fileEnded: { title: "The video could not be read to its end", advice: "Your session is still open: choose what to send next." },
  screenBlocked: {
    title: "The operating system blocks screen sharing",
    advice: "Allow this browser to record the screen in the system's privacy settings, then try again.",
  },
  noWebRtc: {
    title: "This browser cannot send or receive live video",
    advice: "It has no WebRTC. Open this page in Chrome, Edge, Firefox or Safari.",
  },
  serverUnreachable: {
    title: "The server does not respond",
    advice: "Check that `lipar serve` is running and that this machine can reach it. The page keeps trying.",
  },
  unplayable: (file: string, reason: string) => ({
    title: `${file} cannot be played`,
    advice: `${toSentence(reason)} Try another file, for example MP4 (H.264).`,
  }),
  noMedia: (reason: string) => ({
    title: "No video connection to the server",
    advice: `The server responds, but video does not get through (${reason}). A firewall or a VPN may be blocking UDP between here and the server.`,
  }),
  sessionFailed: (reason: string) => ({ title: "The session failed", advice: `${toSentence(reason)} Try again.` }),
  soundFailed: "The sound could not be opened",
  noCapacity: (reason: string) => ({ title: "The server can't take another stream now", advice: `${toSentence(reason)} Try again in a moment.` }),
  serverNeedsToken: "The server needs a token",
  sessionRejected: "The server rejected the session",
};

/** By the worker's name of the error; others are the browser's. */
export const SEGMENTATION_ERRORS: Record<string, string> = {
  noMask: "the segmentation found nothing",
  noCanvas: "it cannot draw in the background",
};

/** Why a source or a connection failed: parts of the sentences above. */
export const REASONS = {
  unknownFormat: "this browser does not know its format",
  noWebRtc: "this browser has no WebRTC",
  noVideoTrack: "it has no video track",
  noMicrophoneTrack: "the microphone has no sound",
  closedByServer: "the server closed the connection",
  connectionFailed: "the connection failed",
  connectionInterrupted: "the connection was interrupted",
  noConnectionWithin: (seconds: number) => `no connection within ${seconds} s`,
  noTelemetry: "the server sends no telemetry",
  noneGiven: "the server gave no reason",
  noSource: "there is no source",
  noPicture: "there is no picture yet",
  slowFile: "the file is written too slowly; what was recorded before is in it",
  recordingTooLong: "this browser keeps recordings in memory, up to 1 GiB; what was recorded before is saved",
  serverUnreachable: "the server does not respond",
  httpStatus: (status: number, text: string) => `the server responded with ${status} ${text}`,
  notReady: (status: number) => `status ${status}`,
};

export const WATCHING = {
  keepsTrying: "This page keeps trying.",
  lost: (reason: string) => ({ title: "The picture was lost", advice: `${toSentence(reason)} This page reconnects by itself.` }),
  wrongToken: { title: "This link does not open the session", advice: "Its token is missing or wrong. Ask for the complete link again." },
  notLive: { title: "Nothing is live at this link", advice: "It starts by itself when the stream begins." },
  noPicture: (reason: string) => ({ title: "Nothing to see yet", advice: `${toSentence(reason)} The picture appears here by itself.` }),
  full: (reason: string) => ({ title: "The server can't show it now", advice: `${toSentence(reason)} This page tries again by itself.` }),
  rejected: "The server rejected the request",
};
