// Mirroring of both pictures: by itself for a camera that faces the user, otherwise by the button.

import type { Source } from "../media/source";
import { element } from "./elements";

const FRONT_CAMERA = /front|facetime|integrated|built-?in/i;

export class Mirror {
  private readonly button = element("mirror", HTMLButtonElement);

  constructor(private readonly root: HTMLElement) {
    this.button.addEventListener("click", () => {
      this.show(this.button.getAttribute("aria-pressed") !== "true");
    });
  }

  /** Another source is shown. */
  sourceOpened({ choice, stream }: Source): void {
    const [track] = stream.getVideoTracks();
    this.show(choice.kind === "camera" && track !== undefined && isFrontCamera(track.getSettings(), track.label));
  }

  private show(isMirrored: boolean): void {
    this.root.toggleAttribute("data-mirrored", isMirrored);
    this.button.setAttribute("aria-pressed", String(isMirrored));
  }
}

/** By what the browser reports; on computers, where it reports nothing, by the camera's name. */
export function isFrontCamera({ facingMode }: Pick<MediaTrackSettings, "facingMode">, label: string): boolean {
  return facingMode === undefined ? FRONT_CAMERA.test(label) : facingMode === "user";
}
