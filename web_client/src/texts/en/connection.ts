// The texts about the connection's quality, in English.

export const VERDICTS = {
  good: "Stream: good",
  fair: "Stream: fair",
  poor: "Stream: poor",
  bad: "Stream: very poor",
};
export const NO_VERDICT = "Stream: not measured yet";

const BETTER_LINK = "Come closer to the Wi-Fi router or use a cable, and stop other transfers.";
const SMALLER_PICTURE = "a smaller picture (lipar serve --size) or a faster machine helps.";

/** How to make the model faster, by whether unchanged parts are reused. */
function fasterModel(pruning: boolean): string {
  return pruning ? `Raise "Ignore changes below"; ${SMALLER_PICTURE}` : `Switch on "Reuse unchanged parts"; ${SMALLER_PICTURE}`;
}

const perSecond = (fps: number): string => `${fps.toFixed(0)} ${fps.toFixed(0) === "1" ? "picture" : "pictures"} per second`;
const percent = (ratio: number): string => `${(ratio * 100).toFixed(0)} %`;
const bitrate = (bps: number | null): string => (bps === null ? "" : ` (${(bps / 1e6).toFixed(1)} Mbit/s)`);
const milliseconds = (ms: number): string => `${ms.toFixed(0)} ms`;

/** What limits the connection, and what helps. */
export const CAUSES = {
  source: {
    camera: (fps: number) => ({ cause: `The camera gives ${perSecond(fps)}.`, remedy: "Give it more light, or choose another camera." }),
    screen: (fps: number) => ({ cause: `The shared screen gives ${perSecond(fps)}.`, remedy: "Nothing is wrong: a screen sends pictures as it changes." }),
    file: (fps: number) => ({ cause: `The video file gives ${perSecond(fps)}.`, remedy: "Choose a video with more, or close other programs if it has more." }),
  },
  thisComputer: (fps: number) => ({
    cause: `This computer is too busy to encode more than ${perSecond(fps)}.`,
    remedy: "Close other programs and tabs.",
  }),
  uploadRate: (fps: number, bps: number | null) => ({ cause: `The upload takes ${perSecond(fps)}${bitrate(bps)}.`, remedy: BETTER_LINK }),
  uploadGap: (received: number, sent: number) => ({
    cause: `Only ${perSecond(received)} of the ${sent.toFixed(0)} that are sent reach the server.`,
    remedy: `${BETTER_LINK} If the server's processor is busy, close other programs there.`,
  }),
  uploadLoss: (loss: number) => ({ cause: `Of the upload ${percent(loss)} is lost.`, remedy: BETTER_LINK }),
  uploadLatency: (ms: number) => ({ cause: `The upload takes ${milliseconds(ms)}.`, remedy: BETTER_LINK }),
  sharedRate: (fps: number, sharing: number) => ({
    cause: `The server is busy: ${sharing} streams share its model, yours gets ${perSecond(fps)}.`,
    remedy: "It is faster when another stream pauses or ends.",
  }),
  sharedLatency: (ms: number, sharing: number) => ({
    cause: `The server is busy: ${sharing} streams share its model, a picture takes ${milliseconds(ms)} there.`,
    remedy: "It is faster when another stream pauses or ends.",
  }),
  engineRate: (fps: number, pruning: boolean) => ({
    cause: `The server's model edits ${perSecond(fps)}; your network keeps up.`,
    remedy: fasterModel(pruning),
  }),
  engineLatency: (ms: number, pruning: boolean) => ({
    cause: `The server takes ${milliseconds(ms)} for a picture; your network keeps up.`,
    remedy: fasterModel(pruning),
  }),
  lateFrames: (returned: number, model: number) => ({
    cause: `The server sends ${perSecond(returned)} of the ${model.toFixed(0)} that its model edits.`,
    remedy: "Its processor is overloaded: close other programs there.",
  }),
  downloadRate: (shown: number, returned: number) => ({
    cause: `Only ${perSecond(shown)} of the ${returned.toFixed(0)} that the server sends are shown here.`,
    remedy: `${BETTER_LINK} If this computer is busy, close other programs.`,
  }),
  downloadLoss: (loss: number) => ({ cause: `Of the download ${percent(loss)} is lost.`, remedy: BETTER_LINK }),
  downloadLatency: (ms: number) => ({ cause: `The download takes ${milliseconds(ms)}.`, remedy: BETTER_LINK }),
};

export const PLOTS = {
  fps: "Pictures per second",
  latency: "Latency, by where the time passes",
  keep: "Recomputed part of the picture",
  bitrate: "Bitrate",
  loss: "Lost packets",
  lines: { shown: "on screen", model: "edited", source: "from the source", keep: "recomputed", upload: "upload", download: "download" },
  /** Of one line, for screen readers. */
  line: (name: string, now: string, lowest: string, highest: string) => `${name}: ${now} now, ${lowest} to ${highest} in the last minute`,
  notMeasured: "not measured",
};
