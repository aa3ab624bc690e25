// A video file that this browser plays over and over: what is sent is its picture, and its sound where that is wanted.

import { Unplayable } from "./problems";

/** Firefox has it under a name of its own; Safari has none. */
interface Capturable extends HTMLVideoElement {
  captureStream?: () => MediaStream;
  mozCaptureStream?: () => MediaStream;
}

export interface VideoFile {
  video: MediaStreamTrack;
  audio: MediaStreamTrack | null;
  close: () => void;
}

/** Throws `Unplayable` with the file's name. */
export async function openVideoFile(file: File): Promise<VideoFile> {
  const video: Capturable = document.createElement("video");
  const url = URL.createObjectURL(file);
  const close = (): void => {
    video.removeAttribute("src");
    video.load(); // lets go of the decoder
    URL.revokeObjectURL(url);
  };
  video.muted = video.loop = video.playsInline = true;
  video.src = url;
  try {
    await video.play();
    return { ...captured(video), close };
  } catch (error) {
    close();
    const unknown = error instanceof DOMException; // of `play`
    throw new Unplayable(file.name, unknown ? "this browser does not know its format" : (error as Error).message);
  }
}

function captured(video: Capturable): Pick<VideoFile, "video" | "audio"> {
  const stream = video.captureStream?.() ?? video.mozCaptureStream?.();
  if (stream === undefined) throw new Error("this browser shows files, but cannot send them on");
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new Error("it has no picture");
  track.contentHint = "motion";
  video.addEventListener("error", () => track.dispatchEvent(new Event("ended"))); // its disk is gone, say
  return { video: track, audio: stream.getAudioTracks()[0] ?? null };
}
