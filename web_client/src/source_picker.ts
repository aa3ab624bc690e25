// Which source: camera, screen or file, which camera, and a file that is dropped on the page.

import type { CameraChoice } from "./camera";
import { element } from "./elements";
import type { Source, SourceChoice, SourceKind } from "./source";

export class SourcePicker {
  kind: SourceKind = "camera";
  choice: SourceChoice | null = { kind: "camera", deviceId: "" }; // null: a file is still to be chosen
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
    this.press(choice.kind);
    if (choice.kind === "camera") this.cameras.value = choice.deviceId;
  }

  /** A source of this kind was sent before a reload. Nothing is opened by itself, and a file has to be chosen again. */
  expect(kind: SourceKind): void {
    this.choice = kind === "file" ? null : kind === "screen" ? { kind } : this.camera;
    this.press(kind);
  }

  /** The source in use, which a browser's picker or a lost camera may have decided. */
  showSource({ choice, stream }: Source): void {
    const used = stream.getVideoTracks()[0]?.getSettings().deviceId;
    this.show(choice.kind === "camera" ? { ...choice, deviceId: used ?? choice.deviceId } : choice);
  }

  showCameras(cameras: CameraChoice[]): void {
    const chosen = this.choice?.kind === "camera" ? this.choice.deviceId : this.cameras.value;
    const named = cameras.filter(({ deviceId }) => deviceId !== "");
    const options = named.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === chosen));
    this.cameras.replaceChildren(...(options.length > 0 ? options : [new Option("Default camera", "")]));
    this.cameras.disabled = options.length === 0;
    if (this.choice?.kind === "camera") this.show(this.camera);
  }

  private press(pressed: SourceKind): void {
    this.kind = pressed;
    for (const [kind, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(kind === pressed));
    this.cameras.hidden = pressed !== "camera";
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
