// What the browser knows of the connection: rates, loss and what limits sending, from successive RTCStatsReports.

/** Over the time since the previous report. Null: the browser does not report it, or nothing was sent or received. */
export interface LinkStats {
  source_fps: number | null; // of the camera, screen or file
  sent_fps: number | null;
  /** Why the browser sends less than the source gives: its processor or the bandwidth. */
  limitation: "cpu" | "bandwidth" | null;
  upload_bps: number | null;
  download_bps: number | null;
  upload_loss: number | null; // ratio of packets, as the server reports it
  download_loss: number | null; // ratio of packets
  round_trip_ms: number | null;
}

type Statistics = Record<string, unknown>; // of one RTCStats object
type StatisticsByType = Map<unknown, Statistics>;

/** Where each counter is found: type and name. */
const COUNTERS = {
  source_frames: ["media-source", "frames"],
  sent_frames: ["outbound-rtp", "framesSent"],
  sent_bytes: ["outbound-rtp", "bytesSent"],
  received_bytes: ["inbound-rtp", "bytesReceived"],
  received_packets: ["inbound-rtp", "packetsReceived"],
  lost_packets: ["inbound-rtp", "packetsLost"],
} as const;
type Counter = keyof typeof COUNTERS;

interface Snapshot {
  at_ms: number;
  counts: Record<Counter, number | null>;
}

export class LinkMeter {
  private before: Snapshot | null = null;

  /** Null for the first report: rates need two. */
  measure(report: RTCStatsReport): LinkStats | null {
    const stats = videoStats(report);
    const [before, now] = [this.before, snapshotOf(stats)];
    this.before = now;
    return before === null || now.at_ms <= before.at_ms ? null : linkStats(stats, before, now);
  }
}

/** The newest statistics of each type, of video and of the pair of candidates in use. */
function videoStats(report: RTCStatsReport): StatisticsByType {
  const found: StatisticsByType = new Map();
  report.forEach((stats: Statistics) => {
    if (stats.type === "candidate-pair" ? stats.nominated === true : stats.kind === "video") found.set(stats.type, stats);
  });
  return found;
}

function snapshotOf(stats: StatisticsByType): Snapshot {
  const counts = Object.entries(COUNTERS).map(([counter, [type, name]]) => [counter, numberOf(stats.get(type)?.[name])]);
  const times = [...stats.values()].map(({ timestamp }) => numberOf(timestamp) ?? 0);
  return { at_ms: Math.max(0, ...times), counts: Object.fromEntries(counts) as Snapshot["counts"] };
}

function linkStats(stats: StatisticsByType, before: Snapshot, now: Snapshot): LinkStats {
  const increase = (counter: Counter): number | null => {
    const [from, to] = [before.counts[counter], now.counts[counter]];
    return from === null || to === null || to < from ? null : to - from; // less: another track is sent since
  };
  const rate = (counter: Counter): number | null => scaled(increase(counter), 1000 / (now.at_ms - before.at_ms));
  const { qualityLimitationReason: limitation } = stats.get("outbound-rtp") ?? {};
  return {
    source_fps: rate("source_frames"),
    sent_fps: rate("sent_frames"),
    limitation: limitation === "cpu" || limitation === "bandwidth" ? limitation : null,
    upload_bps: scaled(rate("sent_bytes"), 8),
    download_bps: scaled(rate("received_bytes"), 8),
    upload_loss: numberOf(stats.get("remote-inbound-rtp")?.fractionLost),
    download_loss: lossRatio(increase("lost_packets"), increase("received_packets")),
    round_trip_ms: scaled(numberOf(stats.get("candidate-pair")?.currentRoundTripTime), 1000),
  };
}

function lossRatio(lost: number | null, received: number | null): number | null {
  return lost === null || received === null || lost + received === 0 ? null : lost / (lost + received);
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
