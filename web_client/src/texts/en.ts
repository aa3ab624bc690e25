// Every text that the page's code shows, in English: a translation is a file with the same names.
// Texts that never change stay in index.html, which is a complete document; parameters and presets bring their own.

/** A reason, which may come from the server, as a sentence. */
export function toSentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

export const PILLS = {
  tokenNeeded: "Token needed",
  watchingOnly: "Watching only",
  notSecure: "Not secure",
  noServer: "No server",
  modelLoading: "Model loading…",
  loading: "Loading…",
  ready: "Ready",
  openingCamera: "Asking for the camera…",
  openingScreen: "Asking for the screen…",
  openingFile: "Opening the file…",
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  stopped: "Stopped",
  noNewPictures: "No new pictures",
  modelRestarting: "Model restarting…",
  paused: "Paused",
  firstPicture: "Waiting for the first picture…",
  newPictures: "Waiting for new pictures…",
  waiting: "Waiting…",
};

export const BUTTONS = {
  start: "Start",
  stop: "Stop",
  pause: "Pause",
  resume: "Resume",
  tryAgain: "Try again",
  tryNow: "Try now",
  useCamera: "Use the camera",
  ok: "OK",
  mute: "Mute",
  unmute: "Unmute",
  fullScreen: "Full screen",
  leaveFullScreen: "Leave full screen",
  record: "Record",
  stopRecording: "Stop recording",
};

/** The button that chooses the colours says which are chosen. */
export const THEMES = {
  system: "Colours: as the system",
  light: "Colours: light",
  dark: "Colours: dark",
};

export const BANNERS = {
  reconnecting: "Reconnecting",
  settingsKept: "Your settings are kept.",
  serverLoading: "The server is loading its model.",
  modelLoading: "Loading the model…",
  modelLoadingLeft: (seconds: number) => `Loading the model… about ${seconds} s`,
  modelLoadingSince: (seconds: number) => `Loading the model… ${seconds} s so far`,
  noNewPictures: "No new pictures",
  noTelemetry: "The server has sent nothing for a few seconds.",
  pictureReturns: "The picture comes back by itself.",
  modelRestarting: "The model is restarting",
  noPicture: "There is no picture",
  sessionOpen: { title: "Your session is still open", advice: "Choose the file or screen again, then press Start." },
};

export const NOTES = {
  typedLive: "Not applied yet: press Apply",
  typed: "Will be used when you press Start",
  applyingOffline: "Will be applied when the connection is back",
  applying: "Applying…",
  notApplied: (reason: string) => `Not applied: ${reason}`,
  blankPrompt: "Type a prompt first",
  applied: "Applied",
  appliedAt: (block: number) => `At block ${block}`,
  paused: "Paused",
  resumed: "Resumed",
  pending: "Will apply when you resume",
  restarted: "Restarted",
  promptTooLong: (used: number, given: number) => `Too long: only the first ${used} of its ${given} tokens (words or parts of words) are used.`,
};

export const VALUES = {
  steps: (steps: number[]) => `steps ${steps.join(", ")}`,
  about: (description: string, size: string) => `${description}, ${size}.`,
  aboutTiny: "Any prompt at 832x480: start the server with --preset wan-1.3b, on a machine with an NVIDIA GPU.",
};

/** Below a control, by its parameter's path. */
export const HINTS: Record<string, string> = {
  strength: "How far the result may go from the camera's picture: 0 % keeps it, more follows the prompt.",
};

/** By the name of a choice in the schema; others are shown under that name. */
export const CHOICES: Record<string, string> = {
  crop: "Fill the picture, cut the edges",
  fit: "Show everything, with bars",
  stretch: "Stretch",
};

/** By the server's name of the stage, in pipeline order. */
export const LATENCY_STAGES: Record<string, { label: string; description: string }> = {
  transport_in: { label: "upload", description: "The network, and the time between a frame's first and last packet" },
  wait: { label: "wait", description: "Until a block of frames is complete and the model is free" },
  model: { label: "model", description: "Editing the block" },
  pacing: { label: "smoothing", description: "Until the edited frame is due: a block's frames arrive together and are shown one by one" },
  encode: { label: "encoding", description: "Encoding the edited frame, H.264 for example" },
  transport_out: { label: "download", description: "The network, and this page's jitter buffer and decoder" },
};
export const LATENCY_LEGEND = "Latency, ms:";

/** By the server's name of the model's stage; others are shown under that name. */
export const MODEL_STAGES: Record<string, string> = { clean: "update memory" };
export const modelTime = (stages: string): string => `Model time per block (ms): ${stages}`;

export const SHARE = {
  copied: "Copied. Anyone with this link can watch.",
  copyThis: "Copy this link. Anyone with it can watch.",
  thisComputerOnly: "Works on this computer only.",
};

export const SHORTCUTS = {
  /** By the id of the button that the key presses. */
  actions: {
    start: "Start or stop",
    pause: "Pause or resume",
    reset: "Restart",
    hold: "Hold to see the source",
    "view-inset": "Source as an inset",
    "view-side": "Side by side",
    "view-wipe": "Before and after",
    "view-result": "Edited picture only",
    "stage-fullscreen": "Full screen",
    mirror: "Mirror",
    record: "Record, stop recording",
    "save-result": "Save picture",
    "open-shortcuts": "This list",
  },
  none: "none",
  pressKey: "…",
  pressKeyFor: (action: string) => `Press the new key for: ${action}. Escape cancels.`,
  change: (action: string, key: string) => `${action}: ${key}. Change`,
  reserved: "That key has another use. Press a letter or a sign.",
};

export const KEEP = {
  saved: (file: string) => `Saved as ${file}`,
  notSaved: (reason: string) => `Not saved: ${reason}`,
};

export const SOUND = {
  microphone: "Microphone",
  sound: "Sound",
  noneSuffix: ": none",
  mutedSuffix: ": muted",
  off: "Also send sound. Nothing is recorded.",
  waitingForSource: "Sound is sent as soon as the session is live",
  opening: "Waiting for the sound",
  on: "Sound is sent",
  unavailable: "This source has no sound",
  paused: "Muted while the picture is paused",
};

export const SOURCES = {
  camera: "Camera",
  screen: "Screen",
  sample: "Sample clip",
  defaultCamera: "Default camera",
  numberedCamera: (number: number) => `Camera ${number}`,
};

export const TOKENS = {
  admin: "Your token has full access to this server.",
  editor: "Your token can start and edit sessions.",
  wrong: "The server does not know this token: it is wrong, or has been changed.",
};

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
  sessionRefused: "The server refused the session",
};

/** Why a source or a connection failed: parts of the sentences above. */
export const REASONS = {
  unknownFormat: "this browser does not know its format",
  noCapture: "this browser can play files, but not capture them",
  noVideoTrack: "it has no video track",
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
  refused: "The server refused the request",
};
