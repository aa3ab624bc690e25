// Which source: camera, screen or file, which camera, and a file that is dropped on the page.

import type { CameraChoice } from "./camera";
import { element } from "./elements";
import type { Source, SourceChoice, SourceKind } from "./source";

export class SourcePicker {
  choice: SourceChoice = { kind: "camera", deviceId: "" };
  private readonly buttons: Record<SourceKind, HTMLButtonElement> = {
    camera: element("source-camera", HTMLButtonElement),
    screen: element("source-screen", HTMLButtonElement),
    file: element("source-file", HTMLButtonElement),
  };
  private readonly cameras = element("camera", HTMLSelectElement);
  private readonly file = element("file", HTMLInputElement);

  constructor(
    allowed: { camera: boolean; screen: boolean },
    private readonly pick: (choice: SourceChoice) => void,
  ) {
    this.buttons.camera.disabled = !allowed.camera;
    this.buttons.screen.hidden = !allowed.screen;
    this.buttons.camera.addEventListener("click", () => {
      pick(this.camera);
    });
    this.cameras.addEventListener("change", () => {
      pick(this.camera);
    });
    this.buttons.screen.addEventListener("click", () => {
      pick({ kind: "screen" });
    });
    this.bindFile();
    this.bindDrop(element("source", HTMLVideoElement).parentElement);
    this.showCameras([]);
  }

  get camera(): SourceChoice {
    return { kind: "camera", deviceId: this.cameras.value };
  }

  show(choice: SourceChoice): void {
    this.choice = choice;
    for (const [kind, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(kind === choice.kind));
    this.cameras.hidden = choice.kind !== "camera";
    if (choice.kind === "camera") this.cameras.value = choice.deviceId;
  }

  /** The source in use, which a browser's picker or a lost camera may have decided. */
  showSource({ choice, stream }: Source): void {
    const used = stream.getVideoTracks()[0]?.getSettings().deviceId;
    this.show(choice.kind === "camera" ? { ...choice, deviceId: used ?? choice.deviceId } : choice);
  }

  showCameras(cameras: CameraChoice[]): void {
    const chosen = this.choice.kind === "camera" ? this.choice.deviceId : this.cameras.value;
    const named = cameras.filter(({ deviceId }) => deviceId !== "");
    const options = named.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === chosen));
    this.cameras.replaceChildren(...(options.length > 0 ? options : [new Option("Default camera", "")]));
    this.cameras.disabled = options.length === 0;
    if (this.choice.kind === "camera") this.show(this.camera);
  }

  private bindFile(): void {
    this.buttons.file.addEventListener("click", () => {
      this.file.click();
    });
    this.file.addEventListener("change", () => {
      this.take(this.file.files);
      this.file.value = ""; // the same file may be chosen again
    });
  }

  /** Anywhere on the page: a browser would leave the page for a file that misses its target. */
  private bindDrop(target: HTMLElement | null): void {
    const mark = (over: boolean): void => void target?.toggleAttribute("data-drop", over);
    document.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      mark(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) mark(false); // out of the window
    });
    document.addEventListener("drop", (event) => {
      mark(false);
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      this.take(event.dataTransfer.files);
    });
  }

  private take(files: FileList | null): void {
    const file = files?.[0];
    if (file !== undefined) this.pick({ kind: "file", file });
  }
}
