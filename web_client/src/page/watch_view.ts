// A viewer's page: only the edited video, or why there is none.

import type { ViewerState } from "../session/viewer";
import { BUTTONS, PILLS as TEXTS } from "../texts";
import { element } from "./elements";
import type { Pill } from "./pill";

export interface WatchViewEvents {
  retry: () => void;
  /** A frame was shown. */
  frameShown: () => void;
}

const PILLS: Record<ViewerState["name"], Pill> = {
  connecting: { text: TEXTS.connecting, tone: "busy" },
  live: { text: TEXTS.live, tone: "success" },
  stalled: { text: TEXTS.newPictures, tone: "busy" },
  waiting: { text: TEXTS.waiting, tone: "busy" },
  failed: { text: TEXTS.stopped, tone: "error" },
};

export class WatchView {
  private readonly page = element("watch", HTMLElement);
  private readonly video = element("watched", HTMLVideoElement);
  private readonly retryButton = element("watch-again", HTMLButtonElement);
  private readonly unmuteButton = element("unmute", HTMLButtonElement);
  private readonly fullscreenButton = element("fullscreen", HTMLButtonElement);

  constructor(private readonly events: WatchViewEvents) {
    this.page.hidden = false;
    this.retryButton.addEventListener("click", events.retry);
    this.unmuteButton.addEventListener("click", () => {
      this.video.muted = !this.video.muted;
      this.unmuteButton.textContent = this.video.muted ? BUTTONS.unmute : BUTTONS.mute;
    });
    this.fullscreenButton.hidden = !document.fullscreenEnabled;
    this.fullscreenButton.addEventListener("click", () => void this.toggleFullscreen());
    document.addEventListener("fullscreenchange", () => {
      this.fullscreenButton.textContent = document.fullscreenElement === null ? BUTTONS.fullScreen : BUTTONS.leaveFullScreen;
    });
    this.reportFrames();
  }

  showVideo(stream: MediaStream | null): void {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.unmuteButton.hidden = true;
    for (const track of stream?.getAudioTracks() ?? []) this.showUnmuteFor(track);
  }

  show(state: ViewerState): void {
    const pill = element("watch-pill", HTMLSpanElement);
    pill.textContent = PILLS[state.name].text;
    pill.dataset.tone = PILLS[state.name].tone;
    this.page.dataset.state = state.name;
    const hasMessage = state.name === "waiting" || state.name === "failed";
    element("watch-message", HTMLElement).hidden = !hasMessage;
    if (!hasMessage) return;
    element("watch-title", HTMLElement).textContent = state.title;
    element("watch-advice", HTMLElement).textContent = state.advice;
    this.retryButton.textContent = state.name === "waiting" ? BUTTONS.tryNow : BUTTONS.tryAgain;
  }

  /** Autoplay policies forbid sound until a click; a session may have none. */
  private showUnmuteFor(track: MediaStreamTrack): void {
    const show = (): void => {
      this.unmuteButton.hidden = track.muted;
    };
    track.addEventListener("unmute", show);
    track.addEventListener("mute", show);
    show();
  }

  private reportFrames(): void {
    this.video.requestVideoFrameCallback(() => {
      this.events.frameShown();
      this.reportFrames();
    });
  }

  private async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement === null) await this.page.requestFullscreen();
    else await document.exitFullscreen();
  }
}
