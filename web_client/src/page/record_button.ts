// The button that records the edited picture, and its sound, in the browser; with the source beside it if chosen.

import { record, recordingType, withoutSilentSound } from "../media/stream_recorder";
import { BUTTONS, REASONS } from "../texts";
import { fileName } from "./download";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";
import { openRecordingFile } from "./recording_file";
import { SideBySide } from "./side_by_side";

export class RecordButton {
  private readonly button = element("record", HTMLButtonElement);
  private readonly withSource = element("record-source", HTMLInputElement);
  private readonly result = element("result", HTMLVideoElement);
  private running: AbortController | null = null;

  /** `run`: runs a recording, which resolves with the name of its file; null if none was chosen. */
  constructor(
    private readonly pairs: FramePairs,
    run: (recording: () => Promise<string | null>) => void,
  ) {
    this.button.hidden = recordingType(false) === null;
    this.button.addEventListener("click", () => {
      if (this.running === null) run(() => this.record());
      else this.running.abort();
    });
  }

  show(isLive: boolean): void {
    this.button.disabled = !isLive && this.running === null;
  }

  private async record(): Promise<string | null> {
    const stream = this.result.srcObject;
    if (!(stream instanceof MediaStream)) throw new Error(REASONS.noPicture);
    const recorded = withoutSilentSound(stream);
    const type = recordingType(recorded.getAudioTracks().length > 0) ?? "";
    const container = type.startsWith("video/mp4") ? "mp4" : "webm";
    const file = await openRecordingFile(fileName(this.withSource.checked ? "side-by-side" : "result", container), `video/${container}`);
    if (file === null) return null;
    const running = new AbortController();
    this.setRunning(running);
    try {
      if (this.result.srcObject !== stream) throw new Error(REASONS.noPicture); // it has ended while the file was chosen
      await this.recordStream(recorded, type, file.write, running.signal);
    } finally {
      this.setRunning(null);
      await file.close();
    }
    return file.name;
  }

  private async recordStream(stream: MediaStream, type: string, write: (chunk: Blob) => Promise<void>, stop: AbortSignal): Promise<void> {
    if (!this.withSource.checked) return record(stream, type, write, stop);
    const both = new SideBySide(this.pairs, stream.getAudioTracks());
    try {
      await record(both.stream, type, write, stop);
    } finally {
      both.close();
    }
  }

  private setRunning(running: AbortController | null): void {
    this.running = running;
    this.button.textContent = running === null ? BUTTONS.record : BUTTONS.stopRecording;
    this.button.setAttribute("aria-pressed", String(running !== null));
    this.withSource.disabled = running !== null;
  }
}
