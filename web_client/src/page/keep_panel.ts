// Buttons that save what the session shows and what was done in it.

import type { ApiClient } from "../api/client";
import type { SessionCredentials } from "../api/protocol";
import { KEEP } from "../texts/en";
import { download, fileName } from "./download";
import { element } from "./elements";

export class KeepPanel {
  private readonly timelineButton = element("save-timeline", HTMLButtonElement);
  private readonly note = element("keep-note", HTMLParagraphElement);

  private credentials: SessionCredentials | null = null;

  constructor(private readonly api: ApiClient) {
    this.timelineButton.addEventListener("click", () => void this.save(() => this.saveTimeline()));
  }

  /** Null: there is no session. */
  show(credentials: SessionCredentials | null): void {
    this.credentials = credentials;
    this.timelineButton.disabled = credentials === null;
  }

  /** Runs a button's action and says what it saved. */
  private async save(action: () => Promise<string | null>): Promise<void> {
    try {
      const file = await action();
      this.note.textContent = file === null ? "" : KEEP.saved(file);
    } catch (error) {
      this.note.textContent = KEEP.notSaved(error instanceof Error ? error.message : String(error));
    }
  }

  private async saveTimeline(): Promise<string | null> {
    if (this.credentials === null) return null;
    const timeline = await this.api.timeline(this.credentials);
    const name = fileName("timeline", "json");
    download(name, new Blob([JSON.stringify(timeline, null, 1)], { type: "application/json" }));
    return name;
  }
}
