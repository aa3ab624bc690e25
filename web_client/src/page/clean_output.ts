// The picture alone: nothing else is shown, and every failure is retried.

import type { ViewerState } from "../session/viewer";
import type { WatchOptions } from "../session/watch_link";
import { element } from "./elements";

const RETRY_MS = 5000; // where the viewer itself does not retry: nobody is there to press a button

export class CleanOutput {
  private readonly video = element("watched", HTMLVideoElement);

  constructor(
    { background, sound }: WatchOptions,
    private readonly retry: () => void,
  ) {
    document.documentElement.dataset.output = background;
    this.video.muted = !sound;
  }

  show(state: ViewerState): void {
    if (state.name === "failed") setTimeout(this.retry, RETRY_MS);
  }

  /** With sound, a browser may refuse to play before a click (OBS does not): it plays without. */
  showVideo(): void {
    if (this.video.muted || this.video.srcObject === null) return;
    this.video.play().catch((error: unknown) => {
      if ((error as Error).name !== "NotAllowedError") return; // a newer stream has replaced this one
      this.video.muted = true;
      void this.video.play();
    });
  }
}
