// The bundled clip, a source for those without a camera.

import { apiErrorOf, fetchResponse } from "../api/client";
import type { SourceChoice } from "../media/source";
import { errorMessage } from "../session/error_message";
import { BUTTONS, NOTES, SOURCES } from "../texts";
import { element } from "./elements";

export class SampleClip {
  private readonly button = element("sample", HTMLButtonElement);

  constructor(private readonly picked: (choice: SourceChoice) => void) {
    this.button.addEventListener("click", () => void this.open());
  }

  /** Picks the clip and presses Start, which may be disabled. */
  private async open(): Promise<void> {
    this.button.disabled = true;
    try {
      this.picked({ kind: "file", file: await fetchClip() });
      const start = element("start", HTMLButtonElement);
      if (start.textContent === BUTTONS.start) start.click();
    } catch (error) {
      element("action-note", HTMLParagraphElement).textContent = NOTES.notApplied(errorMessage(error));
    } finally {
      this.button.disabled = false;
    }
  }
}

async function fetchClip(): Promise<File> {
  const response = await fetchResponse("sample.webm", {});
  if (!response.ok) throw await apiErrorOf(response);
  return new File([await response.blob()], SOURCES.sample, { type: "video/webm" });
}
