// Buttons that save what the session shows and what was done in it.

import type { ApiClient } from "../api/client";
import type { SessionCredentials } from "../api/protocol";
import { errorMessage } from "../session/error_message";
import { KEEP } from "../texts";
import { download, fileName } from "./download";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";
import { RecordButton } from "./record_button";
import { snapshot } from "./snapshot";

export class KeepPanel {
  private readonly note = element("keep-note", HTMLParagraphElement);
  private readonly recordButton: RecordButton;
  private credentials: SessionCredentials | null = null;
  private readonly buttons: HTMLButtonElement[];

  constructor(
    private readonly api: ApiClient,
    pairs: FramePairs,
  ) {
    this.recordButton = new RecordButton(pairs, (recording) => void this.save(recording));
    this.buttons = [
      this.bind("save-result", () => saveSnapshot("result")),
      this.bind("save-source", () => saveSnapshot("source")),
      this.bind("save-overlay", () => this.saveOverlay()),
      this.bind("save-timeline", () => this.saveTimeline()),
    ];
  }

  /** Null: there is no session. */
  show(credentials: SessionCredentials | null): void {
    this.credentials = credentials;
    this.recordButton.show(credentials !== null);
    for (const button of this.buttons) button.disabled = credentials === null;
  }

  private bind(id: string, action: () => Promise<string | null>): HTMLButtonElement {
    const button = element(id, HTMLButtonElement);
    button.addEventListener("click", () => void this.save(action));
    return button;
  }

  /** Runs a button's action, which resolves with the name of the file, and says what it saved. */
  private async save(action: () => Promise<string | null>): Promise<void> {
    this.note.textContent = "";
    try {
      const file = await action();
      if (file !== null) this.note.textContent = KEEP.saved(file);
    } catch (error) {
      this.note.textContent = KEEP.notSaved(errorMessage(error));
    }
  }

  private async saveOverlay(): Promise<string | null> {
    if (this.credentials === null) return null;
    const name = fileName("overlay", "png");
    download(name, await this.api.overlayPicture(this.credentials));
    return name;
  }

  private async saveTimeline(): Promise<string | null> {
    if (this.credentials === null) return null;
    const timeline = await this.api.timeline(this.credentials);
    const name = fileName("timeline", "json");
    download(name, new Blob([JSON.stringify(timeline, null, 1)], { type: "application/json" }));
    return name;
  }
}

/** `video`: the id of the video element, and part of the file's name. */
async function saveSnapshot(video: "result" | "source"): Promise<string> {
  const name = fileName(video, "png");
  download(name, await snapshot(element(video, HTMLVideoElement)));
  return name;
}
