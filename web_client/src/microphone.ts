// The microphone: asked for when its user says so, and never else.

import type { SourceSound } from "./source";

/** Throws the browser's DOMException where the microphone is denied, absent or in use. */
export async function openMicrophone(): Promise<SourceSound> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  const [track] = stream.getAudioTracks();
  if (track === undefined) throw new Error("the microphone gave no sound");
  return {
    track,
    close: () => {
      track.stop();
    },
  };
}
