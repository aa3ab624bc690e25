// The region of the edited picture that is edited or frozen: the shapes that the user draws, without the page.

import type { GreyMask } from "../api/grey_mask";
import type { Box } from "../api/protocol";

/** A point of the edited picture, 0..1 from its left and top. */
export interface FramePoint {
  x: number;
  y: number;
}

const MIN_SIDE = 0.02; // of the picture: a smaller box is a click
const DIGITS = 1e4; // of a box's numbers

/** The box with these two corners, cut to the picture; null if hardly anything is left. */
export function boxBetween(one: FramePoint, other: FramePoint): Box | null {
  const [left, right] = side(one.x, other.x);
  const [top, bottom] = side(one.y, other.y);
  return right - left < MIN_SIDE || bottom - top < MIN_SIDE ? null : [left, top, round(right - left), round(bottom - top)];
}

/** The box after its corner (or its middle: 0.5, 0.5) was moved by this much, within the picture. */
export function movedBox([left, top, width, height]: Box, corner: FramePoint, by: FramePoint): Box {
  const [newLeft, newWidth] = movedSpan(left, width, corner.x, by.x);
  const [newTop, newHeight] = movedSpan(top, height, corner.y, by.y);
  return [newLeft, newTop, newWidth, newHeight];
}

function movedSpan(start: number, length: number, end: number, by: number): [start: number, length: number] {
  if (end === 0.5) return [round(clamp(start + by, 1 - length)), length];
  const first = end === 0 ? Math.min(clamp(start + by, 1), start + length - MIN_SIDE) : start;
  const last = end === 0 ? start + length : Math.max(clamp(start + length + by, 1), start + MIN_SIDE);
  return [round(first), round(last - first)];
}

/** A mask of this size with a box in it, or empty. */
export function maskOf(box: Box | null, width: number, height: number): GreyMask {
  const levels = new Uint8Array(width * height);
  if (box !== null) {
    const [left, top, boxWidth, boxHeight] = box;
    for (let row = Math.round(top * height); row < Math.round((top + boxHeight) * height); row++) {
      levels.fill(255, row * width + Math.round(left * width), row * width + Math.round((left + boxWidth) * width));
    }
  }
  return { width, height, levels };
}

/** Paints a line with a round brush; `radius`: in ratios of the picture's shorter side. `level`: 255 adds, 0 erases. */
export function paintLine({ width, height, levels }: GreyMask, from: FramePoint, to: FramePoint, radius: number, level: number): void {
  const [x0, y0, x1, y1] = [from.x * width, from.y * height, to.x * width, to.y * height];
  const reach = radius * Math.min(width, height);
  const length2 = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  for (let row = Math.max(0, Math.floor(Math.min(y0, y1) - reach)); row < Math.min(height, Math.max(y0, y1) + reach); row++) {
    for (let col = Math.max(0, Math.floor(Math.min(x0, x1) - reach)); col < Math.min(width, Math.max(x0, x1) + reach); col++) {
      const [x, y] = [col + 0.5, row + 0.5];
      const along = length2 === 0 ? 0 : clamp(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length2, 1);
      if (Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) <= reach) levels[row * width + col] = level;
    }
  }
}

/** Inside becomes outside. */
export function inverted({ levels, ...size }: GreyMask): GreyMask {
  return { ...size, levels: levels.map((level) => 255 - level) };
}

/** The part of the picture inside, 0..1. */
export function coverage({ levels }: GreyMask): number {
  return levels.reduce((sum, level) => sum + (level > 0 ? 1 : 0), 0) / Math.max(1, levels.length);
}

/** A line of an outline, in ratios of the picture. */
export type Edge = [from: FramePoint, to: FramePoint];

/** The lines between what is inside of a mask and what is outside of it; the picture's border is none. */
export function outline({ width, height, levels }: GreyMask): Edge[] {
  const isInside = (row: number, col: number): boolean => (levels[row * width + col] ?? 0) > 0;
  const edges: Edge[] = [];
  const add = (x0: number, y0: number, x1: number, y1: number): void => {
    edges.push([{ x: x0 / width, y: y0 / height }, { x: x1 / width, y: y1 / height }]);
  };
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      if (col + 1 < width && isInside(row, col) !== isInside(row, col + 1)) add(col + 1, row, col + 1, row + 1);
      if (row + 1 < height && isInside(row, col) !== isInside(row + 1, col)) add(col, row + 1, col + 1, row + 1);
    }
  }
  return edges;
}

function side(one: number, other: number): [number, number] {
  return [round(clamp(Math.min(one, other), 1)), round(clamp(Math.max(one, other), 1))];
}

function clamp(value: number, maximum: number): number {
  return Math.min(maximum, Math.max(0, value));
}

function round(value: number): number {
  return Math.round(value * DIGITS) / DIGITS;
}
