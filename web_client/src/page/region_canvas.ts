// Drawing a region on the edited picture: a box by dragging, or with a brush and an eraser; and the outline of the region.

import { decodeMask } from "../api/grey_mask";
import type { GreyMask } from "../api/grey_mask";
import type { Box, Region } from "../api/protocol";
import { boxBetween, maskOf, outline, paintLine } from "../session/region";
import type { Edge, FramePoint } from "../session/region";
import { element } from "./elements";
import { RegionHandles } from "./region_handles";
import { StageLayer } from "./stage_layer";

export type Tool = "box" | "brush" | "erase";

export interface RegionCanvasEvents {
  boxDrawn: (box: Box) => void;
  /** A stroke has ended; the mask belongs to the canvas. */
  painted: (mask: GreyMask) => void;
  /** The mask of the shown region can be read now. */
  maskRead: () => void;
}

const PIXELS_PER_CELL = 4; // of the edited picture, in a painted mask: a quarter of a token's side
const MAX_CELLS = 1024; // of a mask's side, which the server accepts

export class RegionCanvas {
  /** Radius of brush and eraser, in ratios of the picture's shorter side. */
  brushRadius = 0.06;
  /** Of the shown region or the newest stroke; null: none was painted. */
  mask: GreyMask | null = null;
  private maskText: string | null = null; // the parameter that `mask` was read from, or has become
  private box: Box | null = null;
  private tool: Tool | null = null;
  private isShown = false;
  private isDrawing = false; // until the drawn shape is sent
  private readonly layer = new StageLayer();
  private readonly handles: RegionHandles;
  private readonly canvas = document.createElement("canvas");
  private readonly result = element("result", HTMLVideoElement);

  constructor(private readonly events: RegionCanvasEvents) {
    this.canvas.className = "region-canvas";
    this.layer.root.append(this.canvas);
    this.handles = new RegionHandles(this.layer, {
      moving: (box) => {
        this.draw(box);
      },
      moved: events.boxDrawn,
    });
    this.layer.onResize((width, height) => {
      Object.assign(this.canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
      this.draw();
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.startDrag(event);
    });
  }

  /** Null: the pointer draws nothing. */
  setTool(tool: Tool | null): void {
    this.tool = tool;
    this.canvas.toggleAttribute("data-drawing", tool !== null);
    this.showHandles();
  }

  /** `isShown`: whether the region's outline is visible. */
  show({ box, mask }: Region, isShown: boolean): void {
    this.isShown = isShown;
    if (this.isDrawing) return;
    this.box = box;
    if (mask !== this.maskText) void this.readMask(mask);
    this.draw();
    this.showHandles();
  }

  private showHandles(): void {
    const isPainting = this.tool === "brush" || this.tool === "erase";
    this.handles.show(this.isShown && !isPainting ? this.box : null);
  }

  /** The painted mask becomes this parameter; null: nothing is left of it. */
  maskEncoded(text: string | null): void {
    this.isDrawing = false;
    this.maskText = text;
    if (text === null) this.mask = null;
  }

  private async readMask(text: string | null): Promise<void> {
    this.maskText = text;
    const mask = text === null ? null : await decodeMask(text);
    if (text !== this.maskText) return; // there is a newer one
    this.mask = mask;
    this.draw();
    this.events.maskRead();
  }

  private startDrag(down: PointerEvent): void {
    const { tool, canvas } = this;
    if (tool === null || !down.isPrimary || down.button !== 0) return;
    down.preventDefault(); // no text is selected
    canvas.setPointerCapture(down.pointerId);
    const start = this.layer.pointAt(down);
    let newest = start;
    this.isDrawing = true;
    if (tool !== "box") this.paint(start, start, tool);
    const move = (event: PointerEvent): void => {
      const point = this.layer.pointAt(event);
      if (tool !== "box") this.paint(newest, point, tool);
      newest = point;
      this.draw(tool === "box" ? boxBetween(start, point) : null);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("lostpointercapture", () => {
      canvas.removeEventListener("pointermove", move);
      this.endDrag(tool, boxBetween(start, newest));
    }, { once: true });
  }

  private endDrag(tool: Tool, box: Box | null): void {
    if (tool !== "box" && this.mask !== null) {
      this.events.painted(this.mask);
      return;
    }
    this.isDrawing = false;
    if (box !== null) this.events.boxDrawn(box);
    this.draw();
  }

  private paint(from: FramePoint, to: FramePoint, tool: "brush" | "erase"): void {
    this.mask ??= this.newMask();
    this.box = null;
    paintLine(this.mask, from, to, this.brushRadius, tool === "brush" ? 255 : 0);
    this.draw();
  }

  /** A drawn box becomes a part of the painted mask. */
  private newMask(): GreyMask {
    const { videoWidth, videoHeight } = this.result;
    const size = [videoWidth || this.canvas.width, videoHeight || this.canvas.height];
    const [width = 1, height = 1] = size.map((pixels) => Math.min(MAX_CELLS, Math.max(1, Math.round(pixels / PIXELS_PER_CELL))));
    return maskOf(this.box, width, height);
  }

  /** `dragged`: the box that is being drawn. */
  private draw(dragged: Box | null = null): void {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.isShown) return;
    const box = dragged ?? this.box;
    const edges = box === null ? (this.mask === null ? [] : outline(this.mask)) : edgesOf(box);
    context.beginPath();
    for (const [from, to] of edges) {
      context.moveTo(from.x * canvas.width, from.y * canvas.height);
      context.lineTo(to.x * canvas.width, to.y * canvas.height);
    }
    strokeVisibly(context);
  }
}

function edgesOf([left, top, width, height]: Box): Edge[] {
  const corners: [FramePoint, FramePoint, FramePoint, FramePoint] = [
    { x: left, y: top },
    { x: left + width, y: top },
    { x: left + width, y: top + height },
    { x: left, y: top + height },
  ];
  return corners.map((corner, i): Edge => [corner, corners[(i + 1) % 4] ?? corner]);
}

/** White on black: visible on every picture. */
function strokeVisibly(context: CanvasRenderingContext2D): void {
  context.lineCap = "square";
  for (const [style, width] of [["#000", 4], ["#fff", 2]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width * devicePixelRatio;
    context.stroke();
  }
}
