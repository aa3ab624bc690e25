// The last minute of a live connection, sample by sample: what the plots and the verdict are made of.

import type { Stats, SessionStatus } from "../api/protocol";
import type { LinkStats } from "../media/link_meter";

export const HISTORY_MS = 60_000;
const RECENT_MS = 6000; // for the verdict: a single late second is no bad connection
const MIN_RECENT = 4; // samples: the first are of a stream that starts

/** One second. Null: not measured. */
export interface Sample {
  at_ms: number;
  shown_fps: number; // edited frames on this screen
  source_fps: number | null;
  sent_fps: number | null;
  received_fps: number; // by the server
  model_fps: number;
  returned_fps: number; // sent by the server
  /** What the model could edit if this session had it alone; null before its first block. */
  engine_fps: number | null;
  latency_stages_ms: Record<string, number>;
  keep_ratio: number | null;
  upload_bps: number | null;
  download_bps: number | null;
  upload_loss: number | null; // ratio of packets
  download_loss: number | null;
  round_trip_ms: number | null;
}

/** Facts of now, which need no mean. */
export interface ConnectionFacts {
  limitation: LinkStats["limitation"];
  sharing: number; // sessions that share the model, this one included
  pruning: boolean; // unchanged parts are reused
}

export class ConnectionHistory {
  samples: Sample[] = [];
  facts: ConnectionFacts = { limitation: null, sharing: 1, pruning: true };

  /** `shown_fps`: edited frames on this screen per second. `framesPerBlock`: of the preset. */
  add({ stats, model, parameters }: SessionStatus, link: LinkStats | null, shown_fps: number, framesPerBlock: number, now_ms: number): void {
    this.facts = { limitation: link?.limitation ?? null, sharing: model.sharing, pruning: parameters.pruning.enabled };
    const { limitation: _limitation, ...rates } = link ?? NO_LINK;
    const sample = { at_ms: now_ms, shown_fps, engine_fps: engineFps(stats, framesPerBlock), ...serverRates(stats), ...rates };
    this.samples = [...this.samples.filter(({ at_ms }) => now_ms - at_ms < HISTORY_MS), sample];
  }

  clear(): void {
    this.samples = [];
  }

  /** The newest seconds as one sample of medians; null until there are enough. */
  get recent(): Sample | null {
    const newest = this.samples.at(-1);
    if (newest === undefined) return null;
    const recent = this.samples.filter(({ at_ms }) => newest.at_ms - at_ms < RECENT_MS);
    return recent.length < MIN_RECENT ? null : medianSample(recent, newest);
  }
}

const NO_LINK: LinkStats = {
  source_fps: null,
  sent_fps: null,
  limitation: null,
  upload_bps: null,
  download_bps: null,
  upload_loss: null,
  download_loss: null,
  round_trip_ms: null,
};

function serverRates(stats: Stats): Pick<Sample, "received_fps" | "model_fps" | "returned_fps" | "latency_stages_ms" | "keep_ratio"> {
  return {
    received_fps: stats.fps_in,
    model_fps: stats.model_fps,
    returned_fps: stats.fps_out,
    latency_stages_ms: stats.latency_stages_ms,
    keep_ratio: stats.keep_ratio,
  };
}

function engineFps({ stage_ms }: Stats, framesPerBlock: number): number | null {
  const block_ms = Object.values(stage_ms).reduce((sum, ms) => sum + ms, 0);
  return block_ms > 0 ? (framesPerBlock * 1000) / block_ms : null;
}

/** The latency stages are medians already. */
function medianSample(samples: Sample[], newest: Sample): Sample {
  const medians = Object.keys(newest).map((name) => {
    const values = samples.map((sample) => sample[name as keyof Sample]).filter((value) => typeof value === "number");
    return [name, name === "latency_stages_ms" ? newest.latency_stages_ms : median(values)];
  });
  return Object.fromEntries(medians) as Sample;
}

export function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
