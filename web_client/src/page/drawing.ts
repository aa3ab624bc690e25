// Drawing of pictures on canvases.

import type { PictureSize } from "../media/picture_size";

/** Draws the picture so that it covers the canvas, cropped around its centre, as the server crops. `shape`: of the canvas. */
export function drawCovering(canvas: HTMLCanvasElement, picture: CanvasImageSource, size: PictureSize, shape: PictureSize): void {
  const width = Math.max(shape.width, Math.round(Math.min(size.width, (size.height * shape.width) / shape.height)));
  const height = Math.round((width * shape.height) / shape.width);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const scale = Math.max(width / size.width, height / size.height);
  const [drawnWidth, drawnHeight] = [size.width * scale, size.height * scale];
  canvas.getContext("2d", { alpha: false })?.drawImage(picture, (width - drawnWidth) / 2, (height - drawnHeight) / 2, drawnWidth, drawnHeight);
}
