// The source frame and the edited frame that was made from it, on two canvases over the edited video: drawn in one step,
// so that both always show the same moment. A divider wipes between them; while a key or button is held, the source covers all:
// its newest frame, until the one that the edited frame was made from is known.

import type { PictureSize } from "../media/picture_size";
import { drawFitted } from "./drawing";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";

const MAX_MISSING_MS = 1000; // without a pair: then the edited video is shown alone

export class Comparison {
  private readonly root = element("comparison", HTMLDivElement);
  private readonly divider = element("divider", HTMLInputElement);
  private readonly source = element("source", HTMLVideoElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly canvases = { source: element("compared-source", HTMLCanvasElement), result: element("compared-result", HTMLCanvasElement) };
  private isWiping = false;
  private isHeld = false;
  private pairedAt = -Infinity;
  private hasPair = false; // the newest edited frame's, or one that is not much older
  private callback: number | null = null; // null: not comparing

  constructor(private readonly pairs: FramePairs) {
    this.divider.addEventListener("input", () => {
      this.moveDivider();
    });
    this.result.addEventListener("emptied", () => {
      this.forgetPair();
      this.showCanvases(false);
    });
    this.moveDivider();
  }

  /** Whether the divider is shown. */
  setWiping(isWiping: boolean): void {
    this.isWiping = isWiping;
    this.update();
  }

  /** Whether the source covers the edited picture now. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
    this.update();
  }

  private update(): void {
    this.root.toggleAttribute("data-held", this.isHeld);
    if (this.isWiping || this.isHeld) this.begin();
    else this.end();
    this.showCanvases(this.hasPair || this.drawNewestIfHeld());
  }

  private begin(): void {
    this.pairs.start(this);
    if (this.callback === null) this.waitForFrame();
  }

  private end(): void {
    if (this.callback !== null) this.result.cancelVideoFrameCallback(this.callback);
    this.callback = null;
    this.forgetPair();
    this.pairs.stop(this);
  }

  private forgetPair(): void {
    this.pairedAt = -Infinity;
    this.hasPair = false;
  }

  /** The divider only together with what it divides: the first pair comes after the stream's latency. */
  private showCanvases(areShown: boolean): void {
    this.root.hidden = !areShown;
    this.divider.hidden = !areShown || !this.isWiping;
  }

  private waitForFrame(): void {
    this.callback = this.result.requestVideoFrameCallback((now, { rtpTimestamp }) => {
      this.waitForFrame();
      this.show(now, this.pairs.sourceOf(rtpTimestamp));
    });
  }

  /** `source`: that of the shown edited frame; null: it is not known. */
  private show(now: number, source: ImageBitmap | null): void {
    if (source !== null) {
      this.pairedAt = now;
      const shape = sizeOf(this.result);
      drawFitted(this.canvases.result, this.result, shape, shape, "stretch");
      drawFitted(this.canvases.source, source, source, shape, this.pairs.fit);
    }
    this.hasPair = now - this.pairedAt <= MAX_MISSING_MS;
    this.showCanvases(this.hasPair || this.drawNewestIfHeld());
  }

  /** Returns whether it was drawn. */
  private drawNewestIfHeld(): boolean {
    const [size, shape] = [sizeOf(this.source), sizeOf(this.result)];
    if (!this.isHeld || size.width === 0 || shape.width === 0) return false;
    drawFitted(this.canvases.source, this.source, size, shape, this.pairs.fit);
    return true;
  }

  private moveDivider(): void {
    this.root.style.setProperty("--divider", `${this.divider.value}%`);
  }
}

function sizeOf({ videoWidth, videoHeight }: HTMLVideoElement): PictureSize {
  return { width: videoWidth, height: videoHeight };
}
