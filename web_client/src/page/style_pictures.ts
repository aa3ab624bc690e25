// Pictures of the styles of a preset that brings none: of the edited picture, once a style has been on it for a while.
// They are kept in this tab only, because they show what the camera sees.

import type { Preset } from "../api/protocol";
import { storedStrings } from "../session/stored_json";
import { decorativePicture } from "./style_button";

const NAME = "lipar-style-pictures";
const SETTLE_MS = 4000; // from a prompt's acknowledgement to its frames on the screen
const SIZE = { width: 112, height: 64 }; // pixels, of twice the density that the page shows them at

export class StylePictures {
  private readonly pictures: Record<string, string>; // data: URL by preset and prompt
  private shown: string | null = null; // the prompt that is alone on the whole picture
  private timer: number | undefined;

  constructor(
    private readonly preset: Preset,
    private readonly chips: readonly HTMLButtonElement[],
    private readonly video: HTMLVideoElement,
    private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.sessionStorage,
  ) {
    this.pictures = storedStrings(storage, NAME);
    for (const chip of chips) this.showPicture(chip);
  }

  /** Null: no prompt is alone on the whole picture now. */
  show(prompt: string | null): void {
    if (prompt === this.shown) return;
    this.shown = prompt;
    clearTimeout(this.timer);
    const chip = this.chips.find(({ dataset }) => dataset.prompt === prompt);
    if (chip?.querySelector("img") !== null) return; // unknown, or it has a picture
    this.timer = window.setTimeout(() => {
      this.take(chip);
    }, SETTLE_MS);
  }

  private take(chip: HTMLButtonElement): void {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return;
    const canvas = Object.assign(document.createElement("canvas"), SIZE);
    const scale = Math.max(SIZE.width / videoWidth, SIZE.height / videoHeight);
    const [width, height] = [videoWidth * scale, videoHeight * scale];
    canvas.getContext("2d")?.drawImage(this.video, (SIZE.width - width) / 2, (SIZE.height - height) / 2, width, height);
    this.pictures[this.nameOf(chip)] = canvas.toDataURL("image/jpeg", 0.8);
    this.storage.setItem(NAME, JSON.stringify(this.pictures));
    this.showPicture(chip);
  }

  private showPicture(chip: HTMLButtonElement): void {
    const picture = this.pictures[this.nameOf(chip)];
    if (picture !== undefined && chip.querySelector("img") === null) chip.prepend(decorativePicture(picture));
  }

  private nameOf(chip: HTMLButtonElement): string {
    return `${this.preset.name}/${chip.dataset.prompt ?? ""}`;
  }
}
