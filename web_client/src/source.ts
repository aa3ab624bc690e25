// What a session sends: the camera, the screen, or a video file of this browser's. One is opened when it is chosen.

import { openCamera } from "./camera";
import type { Preset } from "./protocol";
import { openScreen } from "./screen";
import { openVideoFile } from "./video_file";

export type SourceChoice = { kind: "camera"; deviceId: string } | { kind: "screen" } | { kind: "file"; file: File };
export type SourceKind = SourceChoice["kind"];

export interface Source {
  choice: SourceChoice;
  stream: MediaStream; // one video track; it fires `ended` when the source ends by itself
  close: () => void;
}

export async function openSource(choice: SourceChoice, preset: Preset): Promise<Source> {
  if (choice.kind === "file") return { choice, ...(await openVideoFile(choice.file)) };
  const stream = choice.kind === "screen" ? await openScreen() : await openCamera(choice.deviceId, preset);
  return {
    choice,
    stream,
    close: () => {
      for (const track of stream.getTracks()) track.stop();
    },
  };
}

/** What the source is called on the page. */
export function nameOf(choice: SourceChoice): string {
  if (choice.kind === "file") return choice.file.name;
  return choice.kind === "screen" ? "Screen" : "Camera";
}
