// The texts of the check before a stream, in English.

const ASK_OPERATOR = "Ask the server's operator";
const text = (what: string, remedy = ""): { text: string; remedy: string } => ({ text: what, remedy });

export const CHECK_NAMES = { camera: "Camera", codecs: "Video formats", server: "Server", roundTrip: "Round trip", network: "Network" };
export const CHECK_LEVELS = { ok: "OK", warn: "Note", fail: "Problem" };
export const CHECK_SUMMARY = {
  running: "Checking…",
  ok: "Everything looks fine.",
  warn: "It should work: see the notes.",
  fail: "There is a problem.",
};

export const CHECKS = {
  camera: text("The camera may be used."),
  cameraPrompt: text("There is a camera; the browser will ask for it."),
  cameraInsecure: text("Browsers allow the camera on secure pages only.", "Open the page by https:// or on the server's own computer, or choose a file."),
  cameraDenied: text("The browser blocks the camera.", "Allow it in the site settings beside the address, or choose the screen or a file."),
  noCamera: text("No camera was found.", "Connect one, or choose the screen or a file."),
  h264: text("H.264 is available."),
  vp8: text("H.264 is missing; VP8 is used.", "Nothing has to be done; with Firefox, its OpenH264 add-on may still be loading."),
  noCodec: text("This browser can send neither H.264 nor VP8.", "Use a current Chrome, Edge, Firefox or Safari."),
  noWebRtc: text("This browser has no WebRTC.", "Use a current Chrome, Edge, Firefox or Safari."),
  ready: text("The server is ready."),
  notReady: (reason: string) => text(`The server is not ready: ${reason}.`, "Wait until the model is loaded."),
  unreachable: text("The server does not respond.", "Check this device's network, and whether the server runs."),
  serverError: (reason: string) => text(`The server rejects the request: ${reason}`, `${ASK_OPERATOR}.`),
  roundTrip: (ms: number) => text(`A request takes ${ms.toFixed(0)} ms.`),
  slowRoundTrip: (ms: number) => text(`A request takes ${ms.toFixed(0)} ms, which adds to the delay.`, "Use a cable or come closer to the Wi-Fi router, or a server that is nearer."),
  noRoundTrip: (reason: string) => text(`Not measured: ${reason}`, "See the line about the server."),
  direct: text("A direct connection will be tried: the server names no STUN or TURN server.", "If Start fails from another network, ask the server's operator for TURN."),
  stun: text("UDP works: this network's public address was found."),
  noStun: text("The STUN server does not respond: this network may block UDP.", `Try another network. ${ASK_OPERATOR} for TURN over TCP.`),
  relay: text("UDP works, and the TURN server relays if it must."),
  relayOnly: text("UDP to the internet does not work; the TURN server will relay.", "Nothing has to be done; another network may be faster."),
  noRelay: text("The TURN server does not respond or rejects its password.", `${ASK_OPERATOR}: lipar doctor checks it.`),
  noCandidates: text("The browser allows no connection for video.", "Switch off extensions or VPN settings that block WebRTC."),
  networkError: (reason: string) => text(`Not checked: ${reason}`, "See the line about the server."),
};
