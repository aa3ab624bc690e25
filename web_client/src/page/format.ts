// Numbers as text.

import { MODEL_STAGES, modelTime } from "../texts";

export function formatNumber(value: number | null | undefined, digits = 0, scale = 1): string {
  return value === null || value === undefined ? "–" : (value * scale).toFixed(digits);
}

/** "encode 3 · denoise 41": milliseconds per block; empty if nothing was measured. */
export function modelStagesText(stages: Record<string, number> | null | undefined): string {
  const parts = Object.entries(stages ?? {}).map(([name, ms]) => `${MODEL_STAGES[name] ?? name} ${ms.toFixed(ms < 10 ? 1 : 0)}`);
  return parts.length > 0 ? modelTime(parts.join(" · ")) : "";
}
