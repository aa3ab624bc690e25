// A local video file, played in a loop and captured as tracks.

import { REASONS } from "../texts";
import { UnplayableFile } from "./errors";

/** Firefox has a prefixed name; Safari has neither. */
interface CapturableVideo extends HTMLVideoElement {
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
  const video: CapturableVideo = document.createElement("video");
  const url = URL.createObjectURL(file);
  const close = (): void => {
    video.removeAttribute("src");
    video.load(); // releases the decoder
    URL.revokeObjectURL(url);
  };
  video.muted = video.loop = video.playsInline = true;
  video.src = url;
  try {
    await video.play();
    return { ...captureTracks(video), close };
  } catch (error) {
    close();
    const isUnknownFormat = error instanceof DOMException; // thrown by `play`
    throw new UnplayableFile(file.name, isUnknownFormat ? REASONS.unknownFormat : (error as Error).message);
  }
}

function captureTracks(video: CapturableVideo): Pick<VideoFile, "video" | "audio"> {
  const stream = video.captureStream?.() ?? video.mozCaptureStream?.() ?? captureByCanvas(video);
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new Error(REASONS.noVideoTrack);
  track.contentHint = "motion";
  video.addEventListener("error", () => track.dispatchEvent(new Event("ended"))); // a read error, for example
  return { video: track, audio: stream.getAudioTracks()[0] ?? null };
}

/** Its frames as they are shown, drawn on a canvas; without its sound. */
function captureByCanvas(video: HTMLVideoElement): MediaStream {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  const draw = (): void => {
    const { videoWidth: width, videoHeight: height } = video;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context?.drawImage(video, 0, 0);
    if (video.hasAttribute("src")) video.requestVideoFrameCallback(draw); // until it is closed
  };
  draw();
  return canvas.captureStream();
}
