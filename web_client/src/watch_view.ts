// A viewer's page: the edited picture and nothing else, or why there is none.

import { element } from "./elements";
import type { Pill } from "./status_text";
import type { WatchState } from "./watching";

export interface WatchViewEvents {
  again: () => void;
  /** A picture was shown. */
  seen: () => void;
}

const PILLS: Record<WatchState["name"], Pill> = {
  connecting: { text: "Connecting…", tone: "busy" },
  live: { text: "Live", tone: "good" },
  still: { text: "Waiting for new pictures…", tone: "busy" },
  waiting: { text: "Waiting…", tone: "busy" },
  failed: { text: "Stopped", tone: "bad" },
};

export class WatchView {
  private readonly page = element("watch", HTMLElement);
  private readonly video = element("watched", HTMLVideoElement);
  private readonly againButton = element("watch-again", HTMLButtonElement);
  private readonly unmuteButton = element("unmute", HTMLButtonElement);
  private readonly fullscreenButton = element("fullscreen", HTMLButtonElement);

  constructor(private readonly events: WatchViewEvents) {
    this.page.hidden = false;
    this.againButton.addEventListener("click", events.again);
    this.unmuteButton.addEventListener("click", () => {
      this.video.muted = !this.video.muted;
      this.unmuteButton.textContent = this.video.muted ? "Unmute" : "Mute";
    });
    this.fullscreenButton.hidden = !document.fullscreenEnabled;
    this.fullscreenButton.addEventListener("click", () => void this.toggleFullscreen());
    document.addEventListener("fullscreenchange", () => {
      this.fullscreenButton.textContent = document.fullscreenElement === null ? "Full screen" : "Leave full screen";
    });
    this.countPictures();
  }

  showVideo(stream: MediaStream | null): void {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.unmuteButton.hidden = true;
    for (const track of stream?.getAudioTracks() ?? []) this.offerSound(track);
  }

  show(state: WatchState): void {
    const pill = element("watch-pill", HTMLSpanElement);
    pill.textContent = PILLS[state.name].text;
    pill.dataset.tone = PILLS[state.name].tone;
    this.page.dataset.state = state.name;
    const told = state.name === "waiting" || state.name === "failed";
    element("watch-message", HTMLElement).hidden = !told;
    if (!told) return;
    element("watch-title", HTMLElement).textContent = state.title;
    element("watch-advice", HTMLElement).textContent = state.advice;
    this.againButton.textContent = state.name === "waiting" ? "Try now" : "Try again";
  }

  /** A browser plays no sound by itself; and a session may have none. */
  private offerSound(track: MediaStreamTrack): void {
    const show = (): void => {
      this.unmuteButton.hidden = track.muted;
    };
    track.addEventListener("unmute", show);
    track.addEventListener("mute", show);
    show();
  }

  private countPictures(): void {
    this.video.requestVideoFrameCallback(() => {
      this.events.seen();
      this.countPictures();
    });
  }

  private async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement === null) await this.page.requestFullscreen();
    else await document.exitFullscreen();
  }
}
