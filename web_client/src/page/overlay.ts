// Which parts of the shown frame were computed and which reused, as a tint over the edited picture.

import type { KeepMask, KeepMasks } from "../media/keep_masks";
import { keepRatio } from "../media/keep_masks";
import { formatNumber } from "./format";
import type { LocalChoice } from "./local_choice";

const COMPUTED = [255, 120, 0]; // orange and blue, as the server and `lipar edit --overlay` tint
const REUSED = [0, 120, 255];
const OPACITY = 77; // of 255
const MAX_MISSING_MS = 1000; // without any frame's mask: then the legend is removed too
const TEXT_MS = 250; // between changes of the number

export interface OverlayElements {
  video: HTMLVideoElement;
  /** Gets the canvas as its first child, which the style sheet lays over the video. */
  layer: HTMLElement;
  button: HTMLButtonElement;
  legend: HTMLElement;
  computedPart: HTMLElement; // of the legend
}

export class Overlay {
  private readonly canvas = document.createElement("canvas");
  private callback: number | null = null; // null: off
  private drawnAt = -Infinity;
  private textAt = -Infinity;

  constructor(
    private readonly elements: OverlayElements,
    private readonly masks: KeepMasks,
    private readonly choice: LocalChoice<"off" | "on">,
  ) {
    this.canvas.className = "overlay";
    this.canvas.hidden = true;
    elements.layer.prepend(this.canvas); // below what others draw
    elements.button.addEventListener("click", () => {
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
    this.elements.button.setAttribute("aria-pressed", String(isOn));
    this.masks.setWanted(isOn);
    if (isOn) {
      if (this.callback === null) this.waitForFrame();
      return;
    }
    if (this.callback !== null) this.elements.video.cancelVideoFrameCallback(this.callback);
    this.callback = null;
    this.setShown(false);
  }

  private waitForFrame(): void {
    this.callback = this.elements.video.requestVideoFrameCallback((now, { rtpTimestamp }) => {
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
    this.elements.computedPart.textContent = `${formatNumber(keepRatio(mask), 0, 100)} %`;
  }

  private setShown(isShown: boolean): void {
    this.canvas.hidden = this.elements.legend.hidden = !isShown;
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
