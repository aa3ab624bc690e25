// A copy of the frame that a video shows.

import type { PictureSize } from "./picture_size";

/** Null if the video has no frame to copy: Chromium's camera at its very first one, and a source that is being closed. */
export async function copyFrame(video: HTMLVideoElement, { width, height }: PictureSize): Promise<ImageBitmap | null> {
  try {
    return await createImageBitmap(video, { resizeWidth: width, resizeHeight: height });
  } catch (error) {
    if (error instanceof DOMException && error.name === "InvalidStateError") return null;
    throw error;
  }
}
