// How good the connection is, what limits it, and what the user can do about it.
//
// Bands of latency (source to screen) and frame rate as a vendor of live editing publishes them; of packet loss as in
// draft-ietf-rmcat-gcc-02, section 6, which lowers the bitrate above 10 % and raises it below 2 %.

import type { SourceKind } from "../media/source";
import { CAUSES, VERDICTS } from "../texts";
import type { ConnectionFacts, Sample } from "./connection_history";

export type Level = "good" | "fair" | "poor" | "bad";
const LEVELS: readonly Level[] = ["good", "fair", "poor"]; // past the last limit: bad

export const BANDS = {
  latency_ms: [500, 900, 1500],
  fps: [20, 12, 5],
  loss: [0.02, 0.1, 0.25],
} as const;

const SAME_RATE = { factor: 1.1, fps: 1 }; // rates that differ by less are the same: each is measured over its own seconds
/** What each part takes where all is well, ms: the part that exceeds it most is the cause. */
const USUAL_MS = { upload: 100, engine: 300, download: 100 };
const STAGES = { upload: ["transport_in"], engine: ["wait", "model", "pacing", "encode"], download: ["transport_out"] };

export interface Verdict {
  level: Level;
  title: string;
  /** Empty where the connection is good. */
  cause: string;
  remedy: string;
}

interface Finding {
  level: Level;
  cause: Cause;
}

interface Cause {
  cause: string;
  remedy: string;
}

/** `recent`: medians of the newest seconds. */
export function verdictOf(recent: Sample, facts: ConnectionFacts, source: SourceKind): Verdict {
  const findings = [rateFinding(recent, facts, source), latencyFinding(recent, facts), lossFinding(recent)];
  const worst = findings.reduce((one, other) => (rank(other.level) > rank(one.level) ? other : one));
  return { level: worst.level, title: VERDICTS[worst.level], ...(worst.level === "good" ? { cause: "", remedy: "" } : worst.cause) };
}

/** The level of a value in a band, whose limits rise (latency) or fall (frames per second). */
export function levelIn(band: readonly number[], value: number): Level {
  const rises = (band.at(-1) ?? 0) > (band[0] ?? 0);
  return LEVELS[band.findIndex((limit) => (rises ? value <= limit : value >= limit))] ?? "bad";
}

function isHigher(rate: number, other: number): boolean {
  return rate > other * SAME_RATE.factor + SAME_RATE.fps;
}

function rank(level: Level): number {
  return [...LEVELS, "bad"].indexOf(level);
}

/** The first stage that has no more frames than the screen shows is the cause. */
function rateFinding(recent: Sample, facts: ConnectionFacts, source: SourceKind): Finding {
  const { shown_fps: fps } = recent;
  const level = levelIn(BANDS.fps, fps);
  const isLimiting = (rate: number | null): boolean => rate !== null && !isHigher(rate, fps);
  if (isLimiting(recent.source_fps)) return { level: source === "screen" ? "good" : level, cause: CAUSES.source[source](fps) }; // a screen at rest sends nothing
  if (isLimiting(recent.sent_fps)) return { level, cause: facts.limitation === "bandwidth" ? CAUSES.uploadRate(fps, recent.upload_bps) : CAUSES.thisComputer(fps) };
  if (isLimiting(recent.received_fps)) return { level, cause: uploadGapCause(recent) };
  if (isLimiting(recent.model_fps)) return { level, cause: engineRateCause(recent, facts) };
  if (isLimiting(recent.returned_fps)) return { level, cause: CAUSES.lateFrames(recent.returned_fps, recent.model_fps) };
  return { level, cause: CAUSES.downloadRate(fps, recent.returned_fps) };
}

function uploadGapCause({ upload_loss, received_fps, sent_fps }: Sample): Cause {
  const isLossy = levelIn(BANDS.loss, upload_loss ?? 0) !== "good";
  return isLossy || sent_fps === null ? CAUSES.uploadLoss(upload_loss ?? 0) : CAUSES.uploadGap(received_fps, sent_fps);
}

function engineRateCause({ model_fps, engine_fps }: Sample, { sharing, pruning }: ConnectionFacts): Cause {
  const isShared = sharing > 1 && engine_fps !== null && isHigher(engine_fps, model_fps);
  return isShared ? CAUSES.sharedRate(model_fps, sharing) : CAUSES.engineRate(model_fps, pruning);
}

function latencyFinding({ latency_stages_ms: stages }: Sample, facts: ConnectionFacts): Finding {
  const total = (names: string[]): number => names.reduce((sum, name) => sum + (stages[name] ?? 0), 0);
  const parts = Object.entries(STAGES).map(([name, names]) => ({ name: name as keyof typeof USUAL_MS, ms: total(names) }));
  const slowest = parts.reduce((one, other) => (other.ms - USUAL_MS[other.name] > one.ms - USUAL_MS[one.name] ? other : one));
  const level = levelIn(BANDS.latency_ms, total(Object.keys(stages)));
  if (slowest.name === "upload") return { level, cause: CAUSES.uploadLatency(slowest.ms) };
  if (slowest.name === "download") return { level, cause: CAUSES.downloadLatency(slowest.ms) };
  return { level, cause: facts.sharing > 1 ? CAUSES.sharedLatency(slowest.ms, facts.sharing) : CAUSES.engineLatency(slowest.ms, facts.pruning) };
}

function lossFinding({ upload_loss, download_loss }: Sample): Finding {
  const [up, down] = [upload_loss ?? 0, download_loss ?? 0];
  return { level: levelIn(BANDS.loss, Math.max(up, down)), cause: up > down ? CAUSES.uploadLoss(up) : CAUSES.downloadLoss(down) };
}
