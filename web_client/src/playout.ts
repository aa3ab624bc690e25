// How long this page holds a frame that has arrived: in its jitter buffer, and to decode it.

interface Totals {
  jitterBufferDelay: number; // seconds, of all frames together
  jitterBufferEmittedCount: number;
  totalDecodeTime: number; // seconds
  framesDecoded: number;
}

const NONE: Totals = { jitterBufferDelay: 0, jitterBufferEmittedCount: 0, totalDecodeTime: 0, framesDecoded: 0 };

export class Playout {
  private last = NONE;

  /** Milliseconds a frame, since the last call; null where no frame came. */
  take(report: RTCStatsReport): number | null {
    const before = this.last;
    this.last = totals(report);
    const emitted = this.last.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
    const decoded = this.last.framesDecoded - before.framesDecoded;
    if (emitted <= 0 || decoded <= 0) return null;
    const held = (this.last.jitterBufferDelay - before.jitterBufferDelay) / emitted;
    return (held + (this.last.totalDecodeTime - before.totalDecodeTime) / decoded) * 1000;
  }
}

/** A browser that does not count all of this counts none of it. */
function totals(report: RTCStatsReport): Totals {
  let found = NONE;
  report.forEach((stats: { type: string; kind?: string } & Partial<Totals>) => {
    if (stats.type === "inbound-rtp" && stats.kind === "video") found = { ...NONE, ...stats };
  });
  return found;
}
