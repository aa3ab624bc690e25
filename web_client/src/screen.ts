// The screen, a window or a tab, as the browser's own picker gives it.

import { Cancelled, ScreenBlocked } from "./problems";

const LARGEST = { width: { max: 1920 }, height: { max: 1080 } }; // the model's picture is smaller still

/** Phones' browsers share no screen. */
export function screenIsAllowed(): boolean {
  return window.isSecureContext && "mediaDevices" in navigator && "getDisplayMedia" in navigator.mediaDevices;
}

/** `sound`: of a tab, or of the system, where the browser has it. Throws `Cancelled` when nothing was picked. */
export async function openScreen(sound: boolean): Promise<MediaStream> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { ...LARGEST, frameRate: { ideal: 30 } }, audio: sound });
    for (const track of stream.getVideoTracks()) track.contentHint = "detail"; // text stays legible when bits are short
    return stream;
  } catch (error) {
    throw asProblem(error);
  }
}

/** A browser says "not allowed" for both; only its message tells a person's no from the system's. */
function asProblem(error: unknown): unknown {
  if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return error;
  return /system/i.test(error.message) ? new ScreenBlocked() : new Cancelled();
}
