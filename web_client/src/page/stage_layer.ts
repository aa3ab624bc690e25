// The layer over the edited picture, for what is drawn on it: it has exactly the displayed frame's rectangle, in every
// view and size, and is mirrored with the picture. Draw in the coordinates of the frame; texts belong elsewhere.

import { element } from "./elements";

/** A point of the frame, 0..1 from its left and top. */
export interface FramePoint {
  x: number;
  y: number;
}

export class StageLayer {
  /** Children are placed absolutely. Pointer events pass through, except on children with `pointer-events: auto`. */
  readonly root = element("stage-layer", HTMLDivElement);

  /** The frame's point under a pointer; outside 0..1 beside the frame. */
  pointAt({ clientX, clientY }: Pick<PointerEvent, "clientX" | "clientY">): FramePoint {
    const { left, top, width, height } = this.root.getBoundingClientRect();
    const x = (clientX - left) / width;
    return { x: this.isMirrored ? 1 - x : x, y: (clientY - top) / height };
  }

  /** Calls `resized` with the frame's size in CSS pixels, now and whenever it changes. */
  onResize(resized: (width: number, height: number) => void): void {
    new ResizeObserver(() => {
      resized(this.root.clientWidth, this.root.clientHeight);
    }).observe(this.root);
  }

  private get isMirrored(): boolean {
    return this.root.closest("[data-mirrored]") !== null;
  }
}
