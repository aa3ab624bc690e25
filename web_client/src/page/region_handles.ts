// Handles on the region's box, its corners and its middle: dragged, or moved by the arrow keys.

import type { Box } from "../api/protocol";
import { movedBox } from "../session/region";
import type { FramePoint } from "../session/region";
import { REGION } from "../texts";
import type { StageLayer } from "./stage_layer";

const PLACES = [
  { x: 0, y: 0 },
  { x: 1, y: 0 },
  { x: 0, y: 1 },
  { x: 1, y: 1 },
  { x: 0.5, y: 0.5 }, // moves the whole box
];
const STEP = 0.01; // of the picture, for a key
const LARGE_STEP = 0.05; // with Shift
const DIRECTIONS: Record<string, FramePoint> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

export interface RegionHandleEvents {
  /** While a handle is dragged. */
  moving: (box: Box) => void;
  moved: (box: Box) => void;
}

export class RegionHandles {
  private box: Box | null = null;
  private isDragging = false;
  private readonly buttons = PLACES.map((place) => this.createButton(place));

  constructor(
    private readonly layer: StageLayer,
    private readonly events: RegionHandleEvents,
  ) {
    layer.root.append(...this.buttons);
  }

  /** Null: there is no box to move. */
  show(box: Box | null): void {
    if (!this.isDragging) this.place(box);
  }

  private place(box: Box | null): void {
    this.box = box;
    for (const [i, button] of this.buttons.entries()) {
      button.hidden = box === null;
      const place = PLACES[i];
      if (box === null || place === undefined) continue;
      button.style.left = `${100 * (box[0] + place.x * box[2])}%`;
      button.style.top = `${100 * (box[1] + place.y * box[3])}%`;
    }
  }

  private createButton(place: FramePoint): HTMLButtonElement {
    const button = document.createElement("button");
    const name = place.x === 0.5 ? REGION.middle : REGION.corner(place.x === 0, place.y === 0);
    Object.assign(button, { type: "button", className: "region-handle", hidden: true, title: name });
    button.setAttribute("aria-label", name);
    button.addEventListener("pointerdown", (event) => {
      this.startDrag(event, button, place);
    });
    button.addEventListener("keydown", (event) => {
      this.handleKey(event, place);
    });
    return button;
  }

  private startDrag(down: PointerEvent, button: HTMLButtonElement, place: FramePoint): void {
    const { box } = this;
    if (box === null || !down.isPrimary || down.button !== 0) return;
    button.setPointerCapture(down.pointerId);
    this.isDragging = true;
    const start = this.layer.pointAt(down);
    const move = (event: PointerEvent): void => {
      const { x, y } = this.layer.pointAt(event);
      this.place(movedBox(box, place, { x: x - start.x, y: y - start.y }));
      if (this.box !== null) this.events.moving(this.box);
    };
    button.addEventListener("pointermove", move);
    button.addEventListener("lostpointercapture", () => {
      button.removeEventListener("pointermove", move);
      this.isDragging = false;
      if (this.box !== null && this.box !== box) this.events.moved(this.box);
    }, { once: true });
  }

  private handleKey(event: KeyboardEvent, place: FramePoint): void {
    const direction = DIRECTIONS[event.key];
    if (direction === undefined || this.box === null) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const towards = this.layer.isMirrored ? -1 : 1; // as it is seen
    this.events.moved(movedBox(this.box, place, { x: direction.x * step * towards, y: direction.y * step }));
  }
}
