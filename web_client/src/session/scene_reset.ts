// Resets the model's history after a change of source, once the old source's frames have been processed.

import type { Stats } from "../api/protocol";

const SWITCH_MS = 300; // until a new source's first frame is sent
const MAX_SWITCH_MS = 3000;

export class SceneReset {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private block_fill_ms = 0; // from a frame's capture to the start of its block

  constructor(private readonly reset: () => void) {}

  /** The newest latency from capture to block. */
  updateLatency({ latency_stages_ms: { transport_in, wait } }: Stats): void {
    this.block_fill_ms = (transport_in ?? 0) + (wait ?? 0);
  }

  schedule(): void {
    this.cancel();
    this.timer = setTimeout(this.reset, Math.min(MAX_SWITCH_MS, SWITCH_MS + 2 * this.block_fill_ms));
  }

  cancel(): void {
    clearTimeout(this.timer);
  }
}
