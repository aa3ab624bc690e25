// What a session sends: the camera, the screen, or a video file of this browser's. One is opened when it is chosen.

import { openCamera } from "./camera";
import { openMicrophone } from "./microphone";
import type { Preset } from "./protocol";
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
  stream: MediaStream; // one video track; it fires `ended` when the source ends by itself
  close: () => void;
  /** Its sound: the microphone beside a camera. Null where it has none. */
  openSound: () => Promise<SourceSound | null>;
  /** It has to be picked again to come with its sound. */
  isSilent: boolean;
}

/** `sound`: it is wanted too; a screen has to be asked for both at once. */
export async function openSource(choice: SourceChoice, preset: Preset, sound: boolean): Promise<Source> {
  if (choice.kind === "file") return fileSource(choice, await openVideoFile(choice.file));
  if (choice.kind === "screen") return screenSource(choice, await openScreen(sound), sound);
  const stream = await openCamera(choice.deviceId, preset);
  return { choice, stream, close: stopping(stream), openSound: openMicrophone, isSilent: false };
}

function fileSource(choice: SourceChoice, { video, audio, close }: VideoFile): Source {
  const openSound = (): Promise<SourceSound | null> => Promise.resolve(kept(audio));
  return { choice, stream: new MediaStream([video]), close, openSound, isSilent: false };
}

function screenSource(choice: SourceChoice, stream: MediaStream, sound: boolean): Source {
  const openSound = (): Promise<SourceSound | null> => Promise.resolve(kept(stream.getAudioTracks()[0] ?? null));
  return { choice, stream: new MediaStream(stream.getVideoTracks()), close: stopping(stream), openSound, isSilent: !sound };
}

/** Sound that ends with its source. */
function kept(track: MediaStreamTrack | null): SourceSound | null {
  return track === null ? null : { track, close: () => undefined };
}

function stopping(stream: MediaStream): () => void {
  return () => {
    for (const track of stream.getTracks()) track.stop();
  };
}

/** What the source is called on the page. */
export function nameOf(choice: SourceChoice): string {
  if (choice.kind === "file") return choice.file.name;
  return choice.kind === "screen" ? "Screen" : "Camera";
}
