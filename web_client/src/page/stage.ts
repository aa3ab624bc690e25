// How the pictures are shown: the view, full screen, picture in picture.

import { BUTTONS } from "../texts/en";
import type { Source } from "../media/source";
import { element } from "./elements";
import { Inset } from "./inset";
import { LocalChoice } from "./local_choice";
import { Mirror } from "./mirror";

const VIEWS = ["inset", "side", "result"] as const;
type View = (typeof VIEWS)[number];

export class Stage {
  private readonly root = element("stage", HTMLElement);
  private readonly views = element("views", HTMLDivElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly sourceCell = element("source-cell", HTMLDivElement);
  private readonly fullscreenButton = element("stage-fullscreen", HTMLButtonElement);
  private readonly popoutButton = element("popout", HTMLButtonElement);
  private readonly choice = new LocalChoice<View>("lipar-view", VIEWS);
  private readonly mirror = new Mirror(this.views);

  constructor() {
    new Inset(this.sourceCell);
    for (const view of VIEWS) {
      viewButton(view).addEventListener("click", () => {
        this.showView((this.choice.value = view));
      });
    }
    this.showView(this.choice.value);
    this.bindFullscreen();
    this.bindPopout();
  }

  sourceOpened(source: Source): void {
    this.mirror.sourceOpened(source);
  }

  /** Null: there is no edited picture. */
  resultChanged(stream: MediaStream | null): void {
    this.popoutButton.disabled = stream === null;
  }

  private showView(shown: View): void {
    this.views.dataset.view = shown;
    for (const view of VIEWS) viewButton(view).setAttribute("aria-pressed", String(view === shown));
    this.sourceCell.tabIndex = shown === "inset" ? 0 : -1; // it takes the arrow keys
  }

  private bindFullscreen(): void {
    this.fullscreenButton.hidden = !document.fullscreenEnabled;
    this.fullscreenButton.addEventListener("click", () => void this.toggleFullscreen());
    document.addEventListener("fullscreenchange", () => {
      const isFull = document.fullscreenElement === this.root;
      this.fullscreenButton.setAttribute("aria-pressed", String(isFull));
      this.fullscreenButton.title = isFull ? BUTTONS.leaveFullScreen : BUTTONS.fullScreen;
    });
  }

  private async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement === null) await this.root.requestFullscreen();
    else await document.exitFullscreen();
  }

  private bindPopout(): void {
    this.popoutButton.hidden = !document.pictureInPictureEnabled;
    this.popoutButton.addEventListener("click", () => void this.togglePopout());
  }

  /** Refused before the first frame: then the button has no effect. */
  private async togglePopout(): Promise<void> {
    if (document.pictureInPictureElement !== null) await document.exitPictureInPicture();
    else if (this.result.readyState >= HTMLMediaElement.HAVE_METADATA) await this.result.requestPictureInPicture();
  }
}

function viewButton(view: View): HTMLButtonElement {
  return element(`view-${view}`, HTMLButtonElement);
}
