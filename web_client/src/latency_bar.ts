// Where a frame's time goes between the camera and the screen: a bar, and the same in words.

import { element } from "./elements";

interface Stage {
  name: string;
  label: string;
  what: string;
}

// In the order of a frame's way; what a newer server adds comes last, under its own name.
const STAGES: Stage[] = [
  { name: "transport_in", label: "way in", what: "The network, and a frame's packets one after the other" },
  { name: "wait", label: "wait", what: "Until a block of frames is full and the model is free" },
  { name: "model", label: "model", what: "The edit of the block" },
  { name: "pacing", label: "pacing", what: "Until the edited frame is due: a block's frames come at once and are shown one by one" },
  { name: "encode", label: "encoding", what: "The edited frame into H.264" },
  { name: "transport_out", label: "way out", what: "The network, and this page's buffer and decoder" },
];

export class LatencyBar {
  private readonly bar = element("latency-bar", HTMLDivElement);
  private readonly legend = element("latency-legend", HTMLParagraphElement);

  show(stages: Record<string, number>): void {
    const known = inOrder(stages);
    this.bar.replaceChildren(...known.map(segment));
    this.legend.replaceChildren(known.length > 0 ? "Latency, ms:" : "", ...known.map(entry));
  }
}

export type Timed = Stage & { ms: number };

export function inOrder(stages: Record<string, number>): Timed[] {
  const names = new Set([...STAGES.map(({ name }) => name), ...Object.keys(stages)]);
  return [...names].flatMap((name) => {
    const ms = stages[name];
    const stage = STAGES.find((known) => known.name === name) ?? { name, label: name, what: "" };
    return ms === undefined ? [] : [{ ...stage, ms }];
  });
}

/** From the camera to the screen; null where nothing was measured. */
export function totalOf(stages: Record<string, number> | undefined): number | null {
  const times = Object.values(stages ?? {});
  return times.length === 0 ? null : times.reduce((sum, ms) => sum + ms, 0);
}

function segment(stage: Timed): HTMLElement {
  const part = partOf("div", stage);
  part.style.flexGrow = String(Math.max(0, stage.ms));
  return part;
}

function entry(stage: Timed): HTMLElement {
  const part = partOf("span", stage);
  part.textContent = `${stage.label} ${stage.ms.toFixed(0)}`;
  return part;
}

function partOf(tag: "div" | "span", { name, what, ms, label }: Timed): HTMLElement {
  const part = document.createElement(tag);
  part.dataset.stage = name;
  part.title = `${label} ${ms.toFixed(1)} ms. ${what}`;
  return part;
}
