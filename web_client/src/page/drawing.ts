// Drawing of pictures on canvases.

import type { Fit } from "../api/protocol";
import { fittedSize } from "../media/picture_size";
import type { PictureSize } from "../media/picture_size";

/** Draws a picture of this size on a canvas of the given shape, fitted as the server fits it. */
export function drawFitted(canvas: HTMLCanvasElement, picture: CanvasImageSource, size: PictureSize, shape: PictureSize, fit: Fit): void {
  const width = Math.max(shape.width, Math.round(Math.min(size.width, (size.height * shape.width) / shape.height)));
  const height = Math.round((width * shape.height) / shape.width);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  const drawn = fittedSize(size, { width, height }, fit);
  context?.clearRect(0, 0, width, height); // black
  context?.drawImage(picture, (width - drawn.width) / 2, (height - drawn.height) / 2, drawn.width, drawn.height);
}
