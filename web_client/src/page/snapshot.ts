// A video's current picture as a PNG.

import { REASONS } from "../texts";

/** Throws before the first frame. */
export async function snapshot(video: HTMLVideoElement): Promise<Blob> {
  if (video.videoWidth === 0) throw new Error(REASONS.noPicture);
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
