// The layer over the edited picture, for what is drawn on it: it has exactly the displayed frame's rectangle, in every
// view and size, and is mirrored with the picture. Draw in the coordinates of the frame; texts belong elsewhere.

import type { FramePoint } from "../session/region";
import { element } from "./elements";

export class StageLayer {
  /** Children are placed absolutely. Pointer events pass through, except on children with `pointer-events: auto`. */
  readonly root = element("stage-layer", HTMLDivElement);

  /** The frame's point under a pointer; outside 0..1 beside the frame. */
  pointAt(pointer: Pick<PointerEvent, "clientX" | "clientY">): FramePoint {
    return framePoint(pointer, this.root.getBoundingClientRect(), this.isMirrored);
  }

  /** Calls `resized` with the frame's size in CSS pixels, now and whenever it changes. */
  onResize(resized: (width: number, height: number) => void): void {
    new ResizeObserver(() => {
      resized(this.root.clientWidth, this.root.clientHeight);
    }).observe(this.root);
  }

  get isMirrored(): boolean {
    return this.root.closest("[data-mirrored]") !== null;
  }
}

/** The point of a picture shown in this rectangle of the page, which lies anywhere in its letterbox. */
export function framePoint(
  { clientX, clientY }: Pick<PointerEvent, "clientX" | "clientY">,
  { left, top, width, height }: Pick<DOMRect, "left" | "top" | "width" | "height">,
  isMirrored: boolean,
): FramePoint {
  const x = (clientX - left) / width;
  return { x: isMirrored ? 1 - x : x, y: (clientY - top) / height };
}
