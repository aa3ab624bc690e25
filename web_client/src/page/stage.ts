// How the pictures are shown: the view, full screen, picture in picture.

import type { Fit } from "../api/protocol";
import type { Source } from "../media/source";
import { BUTTONS } from "../texts";
import { Comparison } from "./comparison";
import { element } from "./elements";
import type { FramePairs } from "./frame_pairs";
import { Inset } from "./inset";
import { LocalChoice } from "./local_choice";
import { Mirror } from "./mirror";

const VIEWS = ["inset", "side", "wipe", "result"] as const;
type View = (typeof VIEWS)[number];

export class Stage {
  private readonly comparison: Comparison;
  private readonly root = element("stage", HTMLElement);
  private readonly views = element("views", HTMLDivElement);
  private readonly result = element("result", HTMLVideoElement);
  private readonly sourceCell = element("source-cell", HTMLDivElement);
  private readonly fullscreenButton = element("stage-fullscreen", HTMLButtonElement);
  private readonly popoutButton = element("popout", HTMLButtonElement);
  private readonly choice = new LocalChoice<View>("lipar-view", VIEWS);
  private readonly mirror = new Mirror(this.views);

  constructor(private readonly pairs: FramePairs) {
    this.comparison = new Comparison(pairs);
    new Inset(this.sourceCell);
    for (const view of VIEWS) {
      viewButton(view).addEventListener("click", () => {
        this.showView((this.choice.value = view));
      });
    }
    this.showView(this.choice.value);
    this.bindFullscreen();
    this.bindPopout();
    this.bindHold();
  }

  /** Null: it was closed. */
  sourceChanged(source: Source | null): void {
    if (source !== null) this.mirror.sourceOpened(source);
    this.pairs.sourceChanged();
  }

  /** Null: there is no edited picture. */
  resultChanged(stream: MediaStream | null): void {
    this.popoutButton.disabled = stream === null;
  }

  /** How the source's picture is fitted to the edited one's shape. */
  showFit(fit: Fit): void {
    this.views.dataset.fit = fit;
    this.pairs.fit = fit;
  }

  private showView(shown: View): void {
    this.views.dataset.view = shown;
    this.comparison.setWiping(shown === "wipe");
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

  private bindHold(): void {
    const button = element("hold", HTMLButtonElement);
    const hold = (isHeld: boolean): void => {
      button.setAttribute("aria-pressed", String(isHeld));
      this.comparison.hold(isHeld);
    };
    button.addEventListener("pointerdown", ({ pointerId }) => {
      button.setPointerCapture(pointerId);
      hold(true);
    });
    button.addEventListener("lostpointercapture", () => {
      hold(false);
    });
    button.addEventListener("keydown", ({ key }) => {
      if (key === " " || key === "Enter") hold(true);
    });
    for (const end of ["keyup", "blur"]) {
      button.addEventListener(end, () => {
        hold(false);
      });
    }
  }

  /** Rejected before the first frame: then the button has no effect. */
  private async togglePopout(): Promise<void> {
    if (document.pictureInPictureElement !== null) await document.exitPictureInPicture();
    else if (this.result.readyState >= HTMLMediaElement.HAVE_METADATA) await this.result.requestPictureInPicture();
  }
}

function viewButton(view: View): HTMLButtonElement {
  return element(`view-${view}`, HTMLButtonElement);
}
