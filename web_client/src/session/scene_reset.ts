// A new source shows another scene: what the model remembers is reset, once the old pictures are through.

import type { Stats } from "../protocol";

const SWITCH_MS = 300; // until a new source's first picture goes out
const LONGEST_SWITCH_MS = 3000;

export class SceneReset {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private fill_ms = 0; // from a picture to the block that it is in

  constructor(private readonly reset: () => void) {}

  /** How long pictures are under way now. */
  follow({ latency_stages_ms: { transport_in, wait } }: Stats): void {
    this.fill_ms = (transport_in ?? 0) + (wait ?? 0);
  }

  soon(): void {
    this.cancel();
    this.timer = setTimeout(this.reset, Math.min(LONGEST_SWITCH_MS, SWITCH_MS + 2 * this.fill_ms));
  }

  cancel(): void {
    clearTimeout(this.timer);
  }
}
