// Whether new edited frames arrive, by the block number in telemetry and by the frames shown on this page.

import type { Stats, SessionStatus } from "../api/protocol";

const STALLED_AFTER_MS = 1600; // without progress; with telemetry once a second it is noticed within 3 s
const TELEMETRY_TIMEOUT_MS = 2500; // more than one telemetry interval: a single message may be lost
const CHECK_MS = 200;
const MAX_BLOCK_TIMES = 2.5; // a block is late after this many usual intervals
const SOURCE_STOPPED_RATIO = 0.7; // below this ratio of the earlier rate the source has stopped, not the model

interface BlockArrival {
  number: number | null;
  arrived_ms: number;
  fps_in: number;
}

/** `stalled`: no new frames although the source sends; `no_telemetry`: no message from the server. */
export type FramesState = "flowing" | "stalled" | "no_telemetry";

export class FrameMonitor {
  state: FramesState = "flowing";
  private newest: SessionStatus | null = null;
  private telemetry_ms = 0;
  private shown_ms = 0;
  private block: BlockArrival | null = null; // null before the first telemetry
  private block_interval_ms = 0; // measured between the newest two blocks
  private timer: ReturnType<typeof setInterval> | undefined;

  /** `isVisible`: a hidden page shows no frames. `framesPerBlock`: null until the preset is loaded. */
  constructor(
    private readonly framesPerBlock: () => number | null,
    private readonly isVisible: () => boolean,
    private readonly changed: () => void,
  ) {}

  /** The stream is live: frames are expected from now on. */
  start(): void {
    this.stop();
    this.telemetry_ms = this.shown_ms = Date.now();
    this.timer = setInterval(() => {
      this.check();
    }, CHECK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.newest = this.block = null;
    this.block_interval_ms = 0;
    this.state = "flowing";
  }

  /** A frame was shown. */
  frameShown(): void {
    this.shown_ms = Date.now();
  }

  telemetry(status: SessionStatus): void {
    this.newest = status;
    this.telemetry_ms = Date.now();
    this.updateBlock(status);
    this.check();
  }

  private updateBlock({ state, stats }: SessionStatus): void {
    const now = Date.now();
    const before = this.block;
    if (state === "live" && before !== null && before.number === stats.block) return;
    if (before?.number != null && stats.block !== null && stats.block > before.number) {
      this.block_interval_ms = (now - before.arrived_ms) / (stats.block - before.number);
    }
    this.block = { number: stats.block, arrived_ms: now, fps_in: stats.fps_in };
  }

  private check(): void {
    if (!this.isVisible()) this.frameShown();
    const state = this.stateAt(Date.now());
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }

  private stateAt(now: number): FramesState {
    if (now - this.telemetry_ms > TELEMETRY_TIMEOUT_MS) return "no_telemetry";
    if (this.newest?.state !== "live" || this.block === null) return "flowing"; // the status already has the reason
    const { stats } = this.newest;
    const sourceSends = stats.fps_in > this.block.fps_in * SOURCE_STOPPED_RATIO;
    const isLate = now - this.block.arrived_ms > Math.max(STALLED_AFTER_MS, MAX_BLOCK_TIMES * this.expectedBlockInterval(stats));
    const showsNothing = stats.fps_out > 0 && now - this.shown_ms > STALLED_AFTER_MS;
    return (sourceSends && isLate) || showsNothing ? "stalled" : "flowing";
  }

  /** Milliseconds between two blocks: the measured interval, at least the source's and the model's time per block. */
  private expectedBlockInterval({ fps_in, stage_ms }: Stats): number {
    const model_ms = Object.values(stage_ms).reduce((sum, ms) => sum + ms, 0);
    const source_ms = ((this.framesPerBlock() ?? 0) / fps_in) * 1000;
    return Math.max(this.block_interval_ms, model_ms, Number.isFinite(source_ms) ? source_ms : 0);
  }
}
