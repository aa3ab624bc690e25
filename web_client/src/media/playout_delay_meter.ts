// The time that a received frame spends in this page's jitter buffer and decoder, from RTCStatsReport.

interface InboundTotals {
  jitterBufferDelay: number; // seconds, summed over frames
  jitterBufferEmittedCount: number;
  totalDecodeTime: number; // seconds
  framesDecoded: number;
}

const ZERO_TOTALS: InboundTotals = { jitterBufferDelay: 0, jitterBufferEmittedCount: 0, totalDecodeTime: 0, framesDecoded: 0 };

export class PlayoutDelayMeter {
  private last = ZERO_TOTALS;

  /** Mean milliseconds per frame since the last call; null if no frame came. */
  measure(report: RTCStatsReport): number | null {
    const before = this.last;
    this.last = inboundTotals(report);
    const emitted = this.last.jitterBufferEmittedCount - before.jitterBufferEmittedCount;
    const decoded = this.last.framesDecoded - before.framesDecoded;
    if (emitted <= 0 || decoded <= 0) return null;
    const buffered_s = (this.last.jitterBufferDelay - before.jitterBufferDelay) / emitted;
    return (buffered_s + (this.last.totalDecodeTime - before.totalDecodeTime) / decoded) * 1000;
  }
}

/** Zeros where the browser does not report these counters. */
function inboundTotals(report: RTCStatsReport): InboundTotals {
  let found = ZERO_TOTALS;
  report.forEach((stats: { type: string; kind?: string } & Partial<InboundTotals>) => {
    if (stats.type === "inbound-rtp" && stats.kind === "video") found = { ...ZERO_TOTALS, ...stats };
  });
  return found;
}
