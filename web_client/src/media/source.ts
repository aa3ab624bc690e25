// Video sources: the camera, the screen, or a local video file.

import type { Preset } from "../api/protocol";
import { SOURCES } from "../texts";
import { openCamera } from "./camera";
import { openMicrophone } from "./microphone";
import { openScreen } from "./screen";
import { openVideoFile } from "./video_file";
import type { VideoFile } from "./video_file";

export type SourceChoice = { kind: "camera"; deviceId: string } | { kind: "screen" } | { kind: "file"; file: File };
export type SourceKind = SourceChoice["kind"];

export interface SourceSound {
  track: MediaStreamTrack;
  close: () => void;
}

export interface Source {
  choice: SourceChoice;
  stream: MediaStream; // one video track, which fires `ended` when the source ends by itself
  close: () => void;
  /** The source's sound; the microphone for a camera. Null if it has none. */
  openSound: () => Promise<SourceSound | null>;
  /** Opened without sound: it has to be opened again to capture it. */
  needsReopenForSound: boolean;
}

/** `sound`: also capture the screen's sound, which has to be requested together with its video. */
export async function openSource(choice: SourceChoice, preset: Preset, sound: boolean): Promise<Source> {
  if (choice.kind === "file") return fileSource(choice, await openVideoFile(choice.file));
  if (choice.kind === "screen") return screenSource(choice, await openScreen(sound), sound);
  const stream = await openCamera(choice.deviceId, preset);
  return { choice, stream, close: trackStopper(stream), openSound: openMicrophone, needsReopenForSound: false };
}

function fileSource(choice: SourceChoice, { video, audio, close }: VideoFile): Source {
  const openSound = (): Promise<SourceSound | null> => Promise.resolve(soundOfTrack(audio));
  return { choice, stream: new MediaStream([video]), close, openSound, needsReopenForSound: false };
}

function screenSource(choice: SourceChoice, stream: MediaStream, sound: boolean): Source {
  const openSound = (): Promise<SourceSound | null> => Promise.resolve(soundOfTrack(stream.getAudioTracks()[0] ?? null));
  return { choice, stream: new MediaStream(stream.getVideoTracks()), close: trackStopper(stream), openSound, needsReopenForSound: !sound };
}

/** Sound that is closed together with its source. */
function soundOfTrack(track: MediaStreamTrack | null): SourceSound | null {
  return track === null ? null : { track, close: () => undefined };
}

function trackStopper(stream: MediaStream): () => void {
  return () => {
    for (const track of stream.getTracks()) track.stop();
  };
}

/** The source's caption on the page. */
export function sourceLabel(choice: SourceChoice): string {
  if (choice.kind === "file") return choice.file.name;
  return choice.kind === "screen" ? SOURCES.screen : SOURCES.camera;
}
