// Choice of the source: camera, screen or file, which camera, and drag and drop of a file.

import type { CameraOption } from "../media/camera";
import type { Source, SourceChoice, SourceKind } from "../media/source";
import { SOURCES } from "../texts";
import { element } from "./elements";
import { SampleClip } from "./sample_clip";

export class SourcePicker {
  kind: SourceKind = "camera";
  choice: SourceChoice | null = { kind: "camera", deviceId: "" }; // null: a file has still to be chosen
  private readonly buttons: Record<SourceKind, HTMLButtonElement> = {
    camera: element("source-camera", HTMLButtonElement),
    screen: element("source-screen", HTMLButtonElement),
    file: element("source-file", HTMLButtonElement),
  };
  private readonly cameraSelect = element("camera", HTMLSelectElement);
  private readonly fileInput = element("file", HTMLInputElement);

  constructor(
    allowed: { camera: boolean; screen: boolean },
    private readonly picked: (choice: SourceChoice) => void,
  ) {
    this.buttons.camera.disabled = !allowed.camera;
    this.buttons.screen.hidden = !allowed.screen;
    this.buttons.camera.addEventListener("click", () => {
      picked(this.camera);
    });
    this.cameraSelect.addEventListener("change", () => {
      picked(this.camera);
    });
    this.buttons.screen.addEventListener("click", () => {
      picked({ kind: "screen" });
    });
    this.bindFile();
    new SampleClip(picked);
    this.bindDrop(element("views", HTMLDivElement));
    this.showCameras([]);
  }

  get camera(): SourceChoice {
    return { kind: "camera", deviceId: this.cameraSelect.value };
  }

  select(choice: SourceChoice): void {
    this.choice = choice;
    this.markSelected(choice.kind);
    if (choice.kind === "camera") this.cameraSelect.value = choice.deviceId;
  }

  /** Selects the kind of source used before a reload without opening it. A file has to be chosen again. */
  preselect(kind: SourceKind): void {
    this.choice = kind === "file" ? null : kind === "screen" ? { kind } : this.camera;
    this.markSelected(kind);
  }

  /** Selects the source in use, which may differ from the choice: the browser may have opened another camera. */
  selectOpened({ choice, stream }: Source): void {
    const openedId = stream.getVideoTracks()[0]?.getSettings().deviceId;
    this.select(choice.kind === "camera" ? { ...choice, deviceId: openedId ?? choice.deviceId } : choice);
  }

  showCameras(cameras: CameraOption[]): void {
    const selectedId = this.choice?.kind === "camera" ? this.choice.deviceId : this.cameraSelect.value;
    const identified = cameras.filter(({ deviceId }) => deviceId !== "");
    const options = identified.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === selectedId));
    this.cameraSelect.replaceChildren(...(options.length > 0 ? options : [new Option(SOURCES.defaultCamera, "")]));
    this.cameraSelect.disabled = options.length === 0;
    if (this.choice?.kind === "camera") this.select(this.camera);
  }

  private markSelected(pressed: SourceKind): void {
    this.kind = pressed;
    for (const [kind, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(kind === pressed));
    this.cameraSelect.hidden = pressed !== "camera";
  }

  private bindFile(): void {
    this.buttons.file.addEventListener("click", () => {
      this.fileInput.click();
    });
    this.fileInput.addEventListener("change", () => {
      this.pickFile(this.fileInput.files);
      this.fileInput.value = ""; // so that choosing the same file again fires `change`
    });
  }

  /** Anywhere on the page: a browser navigates to a file that is dropped beside the target. */
  private bindDrop(target: HTMLElement): void {
    const markTarget = (isOver: boolean): void => void target.toggleAttribute("data-drop", isOver);
    document.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      markTarget(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) markTarget(false); // left the window
    });
    document.addEventListener("drop", (event) => {
      markTarget(false);
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      this.pickFile(event.dataTransfer.files);
    });
  }

  private pickFile(files: FileList | null): void {
    const file = files?.[0];
    if (file !== undefined) this.picked({ kind: "file", file });
  }
}
