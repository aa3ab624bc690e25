// The source's and the edited picture side by side as one stream, both of the same moment.

import { drawFitted } from "./drawing";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";

const MAX_MISSING_MS = 1000; // without a pair: then the newest source frame is drawn beside the edited one

export class SideBySide {
  readonly stream: MediaStream;
  private readonly source = element("source", HTMLVideoElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly canvas = document.createElement("canvas");
  private readonly fittedSource = document.createElement("canvas");
  private callback = 0;
  private pairedAt = performance.now();

  /** `sound`: goes into the stream, too. */
  constructor(
    private readonly pairs: FramePairs,
    sound: MediaStreamTrack[],
  ) {
    pairs.start(this);
    this.draw(null);
    this.stream = new MediaStream([...this.canvas.captureStream().getVideoTracks(), ...sound]);
    this.result.addEventListener("emptied", this.close);
    this.waitForFrame();
  }

  /** Ends the stream; it also ends when there is no edited picture any more. */
  readonly close = (): void => {
    this.result.removeEventListener("emptied", this.close);
    this.result.cancelVideoFrameCallback(this.callback);
    this.pairs.stop(this);
    for (const track of this.stream.getVideoTracks()) track.stop();
  };

  private waitForFrame(): void {
    this.callback = this.result.requestVideoFrameCallback((now, { rtpTimestamp }) => {
      this.waitForFrame();
      const source = this.pairs.sourceOf(rtpTimestamp);
      if (source !== null) this.pairedAt = now;
      if (source !== null || now - this.pairedAt > MAX_MISSING_MS) this.draw(source);
    });
  }

  /** `source`: that of the edited frame; null: the newest one. */
  private draw(source: ImageBitmap | null): void {
    const shape = { width: this.result.videoWidth, height: this.result.videoHeight };
    const { width, height } = shape;
    if (this.canvas.width !== 2 * width || this.canvas.height !== height) Object.assign(this.canvas, { width: 2 * width, height });
    const size = source ?? { width: this.source.videoWidth, height: this.source.videoHeight };
    if (size.width > 0) drawFitted(this.fittedSource, source ?? this.source, size, shape, this.pairs.fit);
    const context = this.canvas.getContext("2d", { alpha: false });
    context?.drawImage(this.fittedSource, 0, 0, width, height);
    context?.drawImage(this.result, width, 0, width, height);
  }
}
