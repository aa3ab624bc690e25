// Opening the microphone, only on the user's request.

import type { SourceSound } from "./source";

/** Throws the browser's DOMException where the microphone is denied, absent or in use. */
export async function openMicrophone(): Promise<SourceSound> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  const [track] = stream.getAudioTracks();
  if (track === undefined) throw new Error("the microphone has no audio track");
  return {
    track,
    close: () => {
      track.stop();
    },
  };
}
