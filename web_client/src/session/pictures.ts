// Whether new edited pictures come: by the model's blocks in telemetry, and by what this page shows.

import type { Stats, Status } from "../protocol";

const STILL_MS = 1600; // without anything new; with a second between two telemetry messages less than 3 s
const SILENT_MS = 2500; // without telemetry: one message that is lost is none
const CHECK_MS = 200;
const PATIENCE = 2.5; // times what a block usually takes
const SOURCE_STOPPED = 0.7; // of the frames that came before: then it is not the model that stands still

interface Block {
  number: number | null;
  at_ms: number;
  fps_in: number;
}

/** `still`: none comes, though the source sends; `silent`: the server says nothing at all. */
export type PicturesState = "coming" | "still" | "silent";

export class Pictures {
  state: PicturesState = "coming";
  private newest: Status | null = null;
  private heard_ms = 0;
  private shown_ms = 0;
  private block: Block | null = null; // null until the first has come
  private usual_ms = 0; // between two blocks
  private timer: ReturnType<typeof setInterval> | undefined;

  /** `visible`: a hidden page shows no pictures, whatever arrives. `framesPerBlock`: null until it is known. */
  constructor(
    private readonly framesPerBlock: () => number | null,
    private readonly visible: () => boolean,
    private readonly changed: () => void,
  ) {}

  /** A session is live: from here on pictures are expected. */
  begin(): void {
    this.end();
    this.heard_ms = this.shown_ms = Date.now();
    this.timer = setInterval(() => {
      this.check();
    }, CHECK_MS);
  }

  end(): void {
    clearInterval(this.timer);
    this.newest = this.block = null;
    this.usual_ms = 0;
    this.state = "coming";
  }

  /** A picture was shown. */
  shown(): void {
    this.shown_ms = Date.now();
  }

  telemetry(status: Status): void {
    this.newest = status;
    this.heard_ms = Date.now();
    this.noteBlock(status);
    this.check();
  }

  private noteBlock({ state, stats }: Status): void {
    const now = Date.now();
    const before = this.block;
    if (state === "live" && before !== null && before.number === stats.block) return;
    if (before?.number != null && stats.block !== null && stats.block > before.number) {
      this.usual_ms = (now - before.at_ms) / (stats.block - before.number);
    }
    this.block = { number: stats.block, at_ms: now, fps_in: stats.fps_in };
  }

  private check(): void {
    if (!this.visible()) this.shown();
    const state = this.stateAt(Date.now());
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }

  private stateAt(now: number): PicturesState {
    if (now - this.heard_ms > SILENT_MS) return "silent";
    if (this.newest?.state !== "live" || this.block === null) return "coming"; // the server says itself what is the matter
    const { stats } = this.newest;
    const comesIn = stats.fps_in > this.block.fps_in * SOURCE_STOPPED;
    const isLate = now - this.block.at_ms > Math.max(STILL_MS, PATIENCE * this.blockTime(stats));
    const isDark = stats.fps_out > 0 && now - this.shown_ms > STILL_MS;
    return (comesIn && isLate) || isDark ? "still" : "coming";
  }

  /** Milliseconds between two blocks: as measured, and no less than the source and the model take for one. */
  private blockTime({ fps_in, stage_ms }: Stats): number {
    const model = Object.values(stage_ms).reduce((sum, ms) => sum + ms, 0);
    const source = ((this.framesPerBlock() ?? 0) / fps_in) * 1000;
    return Math.max(this.usual_ms, model, Number.isFinite(source) ? source : 0);
  }
}
