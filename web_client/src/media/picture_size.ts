// Sizes of the model's picture, WIDTHxHEIGHT, and which of them a source is edited at.

import type { Offer, Preset } from "../api/protocol";

export interface PictureSize {
  width: number;
  height: number;
}

export function parseSize(text: string): PictureSize {
  const [width = NaN, height = NaN] = text.split("x").map(Number);
  return { width, height };
}

/** The size to request for a source: the preset's turned by 90 degrees where that fits its orientation; else the default. */
export function sizeFor({ width, height }: MediaTrackSettings, preset: Pick<Preset, "width" | "height" | "sizes">): Pick<Offer, "size"> {
  if (width === undefined || height === undefined || width === height) return {}; // some browsers do not report the size
  const turned = `${preset.height}x${preset.width}`;
  const isTurned = height > width !== preset.height > preset.width;
  return isTurned && preset.sizes.includes(turned) ? { size: turned } : {};
}
