// Sizes of the model's picture, WIDTHxHEIGHT, and which of them a source is edited at.

import type { Changes, Fit, Offer, Preset } from "../api/protocol";

export interface PictureSize {
  width: number;
  height: number;
}

export function parseSize(text: string): PictureSize {
  const [width = NaN, height = NaN] = text.split("x").map(Number);
  return { width, height };
}

type PresetSizes = Pick<Preset, "width" | "height" | "sizes">;

/** The size to request for a source: the preset's turned by 90 degrees where that fits its orientation; else the default. */
export function sizeFor(source: MediaTrackSettings, preset: PresetSizes): Pick<Offer, "size"> {
  return isTurned(source, preset) && preset.sizes.includes(turnedSize(preset)) ? { size: turnedSize(preset) } : {};
}

/** How a new session fits a source: whole, where cropping would cut a person's face; else as the preset says. */
export function fitFor(source: MediaTrackSettings, preset: PresetSizes): Pick<Changes, "fit"> {
  return isTurned(source, preset) && !preset.sizes.includes(turnedSize(preset)) ? { fit: "fit" } : {};
}

function turnedSize({ width, height }: PresetSizes): string {
  return `${height}x${width}`;
}

/** Whether the source is portrait and the preset is not, or the other way round. */
function isTurned({ width, height }: MediaTrackSettings, preset: PresetSizes): boolean {
  if (width === undefined || height === undefined || width === height) return false; // some browsers do not report the size
  return height > width !== preset.height > preset.width;
}

/** The size at which a picture is drawn in the middle of this shape. */
export function fittedSize(size: PictureSize, shape: PictureSize, fit: Fit): PictureSize {
  if (fit === "stretch") return shape;
  const choose = fit === "crop" ? Math.max : Math.min;
  const scale = choose(shape.width / size.width, shape.height / size.height);
  return { width: size.width * scale, height: size.height * scale };
}
