// Opening the microphone, only on the user's request.

import { REASONS } from "../texts";
import type { SourceSound } from "./source";

/** Throws the browser's DOMException where the microphone is denied, absent or in use. */
export async function openMicrophone(): Promise<SourceSound> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  const [track] = stream.getAudioTracks();
  if (track === undefined) throw new Error(REASONS.noMicrophoneTrack);
  return {
    track,
    close: () => {
      track.stop();
    },
  };
}
