// What the pruning settings bring now: how much of the picture is recomputed, and the estimated speed-up.

import type { Stats } from "../api/protocol";
import { PRUNING_EFFECT } from "../texts";
import { element } from "./elements";
import { formatNumber } from "./format";

export class PruningEffect {
  private readonly root = element("pruning-effect", HTMLDivElement);
  private readonly meter = element("kept-meter", HTMLMeterElement);

  /** Null: nothing is edited now. */
  show(stats: Pick<Stats, "keep_ratio" | "speed_up"> | null): void {
    const kept = stats?.keep_ratio ?? null;
    this.root.hidden = kept === null;
    if (kept === null) return;
    this.meter.value = kept;
    element("kept-part", HTMLSpanElement).textContent = `${formatNumber(kept, 0, 100)} %`;
    element("speed-up", HTMLParagraphElement).textContent = speedUpText(stats?.speed_up ?? null);
  }
}

export function speedUpText(ratio: number | null): string {
  return ratio === null ? PRUNING_EFFECT.unknown : PRUNING_EFFECT.speedUp(ratio.toFixed(ratio < 10 ? 1 : 0));
}
