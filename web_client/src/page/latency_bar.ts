// The latency from camera to screen by stage, as a bar and a legend.

import { LATENCY_LEGEND, LATENCY_STAGES, latencyOf } from "../texts";
import { element } from "./elements";

interface Stage {
  name: string;
  label: string;
  description: string;
}

export class LatencyBar {
  private readonly bar = element("latency-bar", HTMLDivElement);
  private readonly legend = element("latency-legend", HTMLParagraphElement);

  show(stages: Record<string, number>): void {
    const known = timedStages(stages);
    this.bar.replaceChildren(...known.map(barSegment));
    this.legend.replaceChildren(known.length > 0 ? LATENCY_LEGEND : "", ...known.map(legendEntry));
  }
}

export type TimedStage = Stage & { ms: number };

export function timedStages(stages: Record<string, number>): TimedStage[] {
  const names = new Set([...Object.keys(LATENCY_STAGES), ...Object.keys(stages)]); // unknown ones last, under the server's name
  return [...names].flatMap((name) => {
    const ms = stages[name];
    const stage = { name, ...(LATENCY_STAGES[name] ?? { label: name, description: "" }) };
    return ms === undefined ? [] : [{ ...stage, ms }];
  });
}

/** From the camera to the screen, ms; null if nothing was measured. */
export function totalLatency(stages: Record<string, number> | undefined): number | null {
  const times = Object.values(stages ?? {});
  return times.length === 0 ? null : times.reduce((sum, ms) => sum + ms, 0);
}

function barSegment(stage: TimedStage): HTMLElement {
  const part = stageElement("div", stage);
  part.style.flexGrow = String(Math.max(0, stage.ms));
  return part;
}

function legendEntry(stage: TimedStage): HTMLElement {
  const part = stageElement("span", stage);
  part.textContent = `${stage.label} ${stage.ms.toFixed(0)}`;
  return part;
}

function stageElement(tag: "div" | "span", { name, description, ms, label }: TimedStage): HTMLElement {
  const part = document.createElement(tag);
  part.dataset.stage = name;
  part.title = latencyOf(label, ms, description);
  return part;
}
