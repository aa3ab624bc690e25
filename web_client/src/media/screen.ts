// Screen sharing: a screen, window or tab chosen in the browser's picker.

import { PickerCancelled, ScreenBlocked } from "./errors";

const MAX_SIZE = { width: { max: 1920 }, height: { max: 1080 } }; // the model's frames are smaller

/** Browsers on phones cannot share the screen. */
export function isScreenSharingAllowed(): boolean {
  return window.isSecureContext && "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices;
}

/** `sound`: also capture the tab's or system's audio, where supported. Throws `PickerCancelled` when nothing was picked. */
export async function openScreen(sound: boolean): Promise<MediaStream> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { ...MAX_SIZE, frameRate: { ideal: 30 } }, audio: sound });
    for (const track of stream.getVideoTracks()) track.contentHint = "detail"; // at low bitrates, keep text legible
    return stream;
  } catch (error) {
    throw displayMediaErrorOf(error);
  }
}

/** A cancelled picker and a block by the operating system are both NotAllowedError; only the message differs. */
function displayMediaErrorOf(error: unknown): unknown {
  if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return error;
  return /system/i.test(error.message) ? new ScreenBlocked() : new PickerCancelled();
}
