// The source frame and the edited frame that was made from it, on two canvases over the edited video: drawn in one step,
// so that both always show the same moment. A divider wipes between them; while a key or button is held, the source covers all.

import { drawFitted } from "./drawing";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";

const MAX_MISSING_MS = 1000; // without a pair: then the edited video is shown alone

export class Comparison {
  private readonly root = element("comparison", HTMLDivElement);
  private readonly divider = element("divider", HTMLInputElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly canvases = { source: element("compared-source", HTMLCanvasElement), result: element("compared-result", HTMLCanvasElement) };
  private isWiping = false;
  private isHeld = false;
  private pairedAt = -Infinity;
  private callback: number | null = null; // null: not comparing

  constructor(private readonly pairs: FramePairs) {
    this.divider.addEventListener("input", () => {
      this.moveDivider();
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
    this.showCanvases(!this.root.hidden);
  }

  private begin(): void {
    this.pairs.start(this);
    if (this.callback === null) this.waitForFrame();
  }

  private end(): void {
    if (this.callback !== null) this.result.cancelVideoFrameCallback(this.callback);
    this.callback = null;
    this.pairedAt = -Infinity;
    this.pairs.stop(this);
    this.root.hidden = true;
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

  private show(now: number, source: ImageBitmap | null): void {
    if (source !== null) {
      this.pairedAt = now;
      const shape = { width: this.result.videoWidth, height: this.result.videoHeight };
      drawFitted(this.canvases.result, this.result, shape, shape, "stretch");
      drawFitted(this.canvases.source, source, source, shape, this.pairs.fit);
    }
    this.showCanvases(now - this.pairedAt <= MAX_MISSING_MS);
  }

  private moveDivider(): void {
    this.root.style.setProperty("--divider", `${this.divider.value}%`);
  }
}
