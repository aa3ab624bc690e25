// Which source frame an edited frame shows, as the server names it.

const MAX_NAMES = 256;

export class FrameNames {
  private readonly captured = new Map<number, number>(); // from RTP timestamp; in the order of arrival
  private epoch_ms: number | null = null; // Unix time of 0 on the page's clock; later changes of the system's clock have no effect

  add({ rtp, captured_ms }: FrameName): void {
    this.epoch_ms ??= Date.now() - performance.now();
    this.captured.set(rtp, captured_ms - this.epoch_ms);
    const [oldest] = this.captured.keys();
    if (this.captured.size > MAX_NAMES && oldest !== undefined) this.captured.delete(oldest);
  }

  /** When the source of the edited frame was captured, ms on this page's clock; null if it is not known. */
  capturedAt(rtp: number | undefined): number | null {
    return rtp === undefined ? null : (this.captured.get(rtp) ?? null);
  }
}

/** `rtp`: the edited frame's RTP timestamp. `captured_ms`: Unix time at which its source frame was captured. */
export interface FrameName {
  rtp: number;
  captured_ms: number;
}
