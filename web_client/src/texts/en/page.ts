// The texts of buttons, states, notes and settings, in English.

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
  savePrompt: "Save this prompt",
  removePrompt: "Remove saved prompt",
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
  unknownWords: (words: string[]) => `The model does not know ${words.map((word) => `“${word}”`).join(", ")}: ${words.length === 1 ? "it changes" : "they change"} little or nothing.`,
};

/** The second prompt, mixed into the first one. */
export const MIX = {
  none: "none",
  of: (percent: number, prompt: string) => `${percent} % ${prompt}`,
  weight: (percent: number) => `${percent} %`,
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
export const latencyOf = (label: string, ms: number, description: string): string => `${label} ${ms.toFixed(1)} ms. ${description}`;

/** By the server's name of the model's stage; others are shown under that name. */
export const MODEL_STAGES: Record<string, string> = { clean: "update memory" };
export const modelTime = (stages: string): string => `Model time per block (ms): ${stages}`;

/** The part of the picture that is edited or frozen. */
export const REGION = {
  none: "whole picture",
  set: "drawn",
  covers: (mode: "edit" | "freeze", percent: string) => (mode === "edit" ? `edit ${percent} % of the picture` : `freeze ${percent} % of the picture`),
  subject: (mode: "edit" | "freeze", subject: "person" | "background") => `${mode} the ${subject}`,
  loadingSegmentation: "Loading the segmentation…",
  segmented: "This page finds it in each frame; the pictures stay in your browser for that.",
  segmentationFailed: (reason: string) => `This browser cannot find persons: ${reason}`,
  maskRejected: (reason: string) => `The server rejects masks: ${reason}`,
  cost: (percent: string) => `Only about ${percent} % of the picture is computed: see "Recomputed now" and the speed-up in the settings.`,
  middle: "Move the region: drag, or arrow keys",
  corner: (isLeft: boolean, isTop: boolean) => `Region's ${isTop ? "top" : "bottom"} ${isLeft ? "left" : "right"} corner: drag, or arrow keys`,
  tooWide: "Left and width together must be at most 100 %.",
  tooHigh: "Top and height together must be at most 100 %.",
};

/** Below the settings of what is reused. */
export const PRUNING_EFFECT = {
  speedUp: (ratio: string) => `Estimated: ${ratio} times as fast as recomputing everything`,
  unknown: "How much faster it is will be known in a moment",
};

export const SHARE = {
  copied: "Copied. Anyone with this link can watch.",
  copyThis: "Copy this link. Anyone with it can watch.",
  thisComputerOnly: "Works on this computer only.",
};

/** Settings in the page's address. */
export const LINKS = {
  copied: "Copied. It does not open your session.",
  copyThis: "Copy this link to this page with these settings:",
  unknown: (name: string) => `${name}: no such setting`,
  invalid: (name: string, value: string, allowed: string) => `${name} = ${value}: must be ${allowed}`,
  otherDetector: (name: string, detector: string) => `${name}: only the change detector "${detector}" reads it`,
  excluded: (name: string, other: string) => `${name}: cannot be set together with ${other}`,
  needs: (name: string, other: string) => `${name}: has no effect without ${other}`,
  oneOf: (choices: string[]) => choices.join(" or "),
  text: (maxLength: number) => `a text of 1 to ${maxLength} characters`,
  steps: (minimum = 0, maximum = Infinity) => `decreasing whole numbers from ${minimum} to ${maximum}, with commas`,
  range: (whole: boolean, minimum = -Infinity, maximum = Infinity) => `a ${whole ? "whole " : ""}number from ${minimum} to ${maximum}`,
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
    overlay: "Show recomputed parts",
    record: "Record, stop recording",
    "save-result": "Save picture",
    "region-box": "Region: box",
    "region-brush": "Region: brush",
    "region-erase": "Region: eraser",
    "region-clear": "Region: clear",
    "open-shortcuts": "This list",
  },
  none: "none",
  pressKey: "…",
  pressKeyFor: (action: string) => `Press the new key for: ${action}. Escape cancels.`,
  change: (action: string, key: string) => `${action}: ${key}. Change`,
  reserved: "That key has another use. Press a letter or a sign.",
};

export const MIDI = {
  moveSlider: "Move a slider, then turn the knob.",
  turnKnob: (slider: string) => `Turn the knob for: ${slider}`,
  learned: (slider: string, knob: string) => `${slider} follows knob ${knob}`,
  unavailable: (reason: string) => `No MIDI: ${reason}`,
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
