// Which parts of the shown frame were computed and which reused, as a tint over the edited picture.

import type { KeepMask, KeepMasks } from "../media/keep_masks";
import { keepRatio } from "../media/keep_masks";
import { element } from "./elements";
import { formatNumber } from "./format";
import { LocalChoice } from "./local_choice";
import type { StageLayer } from "./stage_layer";

const COMPUTED = [255, 120, 0]; // orange and blue, as the server and `lipar edit --overlay` tint
const REUSED = [0, 120, 255];
const OPACITY = 77; // of 255
const MAX_MISSING_MS = 1000; // without any frame's mask: then the legend is removed too
const TEXT_MS = 250; // between changes of the number

export class Overlay {
  private readonly button = element("overlay", HTMLButtonElement);
  private readonly legend = element("overlay-legend", HTMLParagraphElement);
  private readonly computedText = element("computed-part", HTMLSpanElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly canvas = document.createElement("canvas");
  private readonly choice = new LocalChoice<"off" | "on">("lipar-overlay", ["off", "on"]);
  private callback: number | null = null; // null: off
  private drawnAt = -Infinity;
  private textAt = -Infinity;

  constructor(
    layer: StageLayer,
    private readonly masks: KeepMasks,
  ) {
    this.canvas.className = "overlay";
    this.canvas.hidden = true;
    layer.root.prepend(this.canvas); // below what others draw
    this.button.addEventListener("click", () => {
      this.choice.next();
      this.update();
    });
    this.update();
  }

  /** There is another edited video, or none. */
  resultChanged(): void {
    this.setShown(false);
  }

  private update(): void {
    const isOn = this.choice.value === "on";
    this.button.setAttribute("aria-pressed", String(isOn));
    this.masks.setWanted(isOn);
    if (isOn) {
      if (this.callback === null) this.waitForFrame();
      return;
    }
    if (this.callback !== null) this.result.cancelVideoFrameCallback(this.callback);
    this.callback = null;
    this.setShown(false);
  }

  private waitForFrame(): void {
    this.callback = this.result.requestVideoFrameCallback((now, { rtpTimestamp }) => {
      this.waitForFrame();
      this.show(now, this.masks.at(rtpTimestamp));
    });
  }

  private show(now: number, mask: KeepMask | null): void {
    this.canvas.hidden = mask === null; // never the mask of another frame
    if (mask === null) {
      if (now - this.drawnAt > MAX_MISSING_MS) this.setShown(false);
      return;
    }
    this.drawnAt = now;
    drawMask(this.canvas, mask);
    this.setShown(true);
    if (now - this.textAt < TEXT_MS) return;
    this.textAt = now;
    this.computedText.textContent = `${formatNumber(keepRatio(mask), 0, 100)} %`;
  }

  private setShown(isShown: boolean): void {
    this.canvas.hidden = this.legend.hidden = !isShown;
  }
}

/** One pixel per token: the style sheet scales the canvas to the frame. */
function drawMask(canvas: HTMLCanvasElement, { rows, cols, keep }: KeepMask): void {
  if (canvas.width !== cols || canvas.height !== rows) Object.assign(canvas, { width: cols, height: rows });
  canvas.getContext("2d")?.putImageData(new ImageData(maskPixels(keep), cols, rows), 0, 0);
}

/** RGBA. */
export function maskPixels(keep: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(keep.length * 4);
  for (const [token, bit] of keep.entries()) pixels.set([...(bit === 1 ? COMPUTED : REUSED), OPACITY], token * 4);
  return pixels;
}
