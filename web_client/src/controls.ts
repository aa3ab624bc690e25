// The prompt, the styles and the sliders: what the user sets, and beside each control what came of it.

import { element } from "./elements";
import type { Outcome } from "./latest_wins";
import type { Ack, Changes, Parameters, Preset, Schema } from "./protocol";
import { maxLengthOf, rangeOf, toTravel, toValue } from "./schema";
import type { Range } from "./schema";

export interface ControlEvents {
  /** `control` is the parameter's path. */
  change: (control: string, changes: Changes) => void;
}

interface SliderSpec {
  id: string;
  path: string;
  power: number; // of the slider's travel, see schema.ts
  text: (value: number) => string;
  read: (preset: Preset, parameters: Parameters) => number;
  changes: (value: number, preset: Preset) => Changes;
}

const percent = (value: number): string => `${Math.round(value * 100)} %`;

export const SLIDERS: SliderSpec[] = [
  {
    id: "strength",
    path: "strength",
    power: 1,
    text: percent,
    read: ({ first_sigma }, { strength }) => strength ?? first_sigma,
    changes: (strength) => ({ strength }),
  },
  {
    id: "tau",
    path: "pruning.tau",
    power: 2,
    text: (value) => value.toFixed(3),
    read: (_, { pruning }) => pruning.tau,
    // both thresholds: with tau2 left behind, a larger tau would change nothing
    changes: (tau, { parameters: { pruning } }) =>
      pruning.tau > 0 ? { pruning: { tau, tau2: (tau * pruning.tau2) / pruning.tau } } : { pruning: { tau } },
  },
  {
    id: "min-keep",
    path: "pruning.min_keep",
    power: 1,
    text: percent,
    read: (_, { pruning }) => pruning.min_keep,
    changes: (min_keep) => ({ pruning: { min_keep } }),
  },
];

const NOTES: Record<string, string> = {
  prompt: "prompt-note",
  "pruning.enabled": "pruning-note",
  paused: "action-note",
  reset: "action-note",
  ...Object.fromEntries(SLIDERS.map(({ id, path }) => [path, `${id}-note`])),
};

export class Controls {
  private readonly prompt = element("prompt", HTMLInputElement);
  private readonly styles = element("styles", HTMLDivElement);
  private readonly pruning = element("pruning", HTMLInputElement);
  private readonly pause = element("pause", HTMLButtonElement);
  private readonly reset = element("reset", HTMLButtonElement);
  private readonly sliders: ((parameters: Parameters) => void)[] = []; // each sets one

  constructor(
    private readonly preset: Preset,
    schema: Schema,
    private readonly events: ControlEvents,
  ) {
    this.prompt.maxLength = maxLengthOf(schema, "prompt");
    for (const spec of SLIDERS) this.bindSlider(spec, rangeOf(schema, spec.path));
    this.bindPrompt();
    this.bindStyles();
    this.bindSwitches();
    element("vocabulary", HTMLParagraphElement).textContent = preset.vocabulary_note;
  }

  /** Pause and reset make sense while a session is live only. */
  enableActions(live: boolean): void {
    this.pause.disabled = this.reset.disabled = !live;
  }

  /** Notes of an earlier session mean nothing in the next, which never starts paused. */
  startAnew(): void {
    for (const id of Object.values(NOTES)) element(id, HTMLParagraphElement).textContent = "";
    this.showPaused(false);
  }

  /** Shows what a session has that this page did not set. */
  show(parameters: Parameters): void {
    this.prompt.value = parameters.prompt;
    this.markStyle(parameters.prompt);
    for (const place of this.sliders) place(parameters);
    this.pruning.checked = parameters.pruning.enabled;
    this.enablePruningSliders();
    this.showPaused(parameters.paused);
  }

  showOutcome(control: string, outcome: Outcome): void {
    const note = element(NOTES[control] ?? "action-note", HTMLParagraphElement);
    note.dataset.tone = outcome.ok ? "good" : "bad";
    note.textContent = outcome.ok ? applied(control, outcome.ack) : `Not applied: ${outcome.reason}`;
    if (outcome.ok && control === "paused") this.showPaused(outcome.ack.parameters.paused);
    if (outcome.ok && control === "prompt") this.markStyle(outcome.ack.parameters.prompt);
  }

  private bindPrompt(): void {
    this.prompt.value = this.preset.parameters.prompt;
    element("prompt-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.applyPrompt(this.prompt.value);
    });
  }

  private applyPrompt(prompt: string): void {
    this.prompt.value = prompt;
    this.markStyle(prompt);
    this.events.change("prompt", { prompt });
  }

  private bindStyles(): void {
    const chips = this.preset.styles.map((style) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.textContent = style.name;
      chip.dataset.prompt = style.prompt;
      chip.addEventListener("click", () => {
        this.applyPrompt(style.prompt);
      });
      return chip;
    });
    this.styles.replaceChildren(...chips);
    this.markStyle(this.preset.parameters.prompt);
  }

  private markStyle(prompt: string): void {
    for (const chip of this.styles.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.prompt === prompt));
    }
  }

  private bindSlider({ id, path, power, text, read, changes }: SliderSpec, range: Range): void {
    const slider = element(id, HTMLInputElement);
    const output = element(`${id}-value`, HTMLOutputElement);
    const show = (value: string): void => {
      output.value = value;
      slider.setAttribute("aria-valuetext", value);
    };
    const place = (parameters: Parameters): void => {
      const value = read(this.preset, parameters);
      slider.value = String(toTravel(value, range, power));
      show(text(value));
    };
    place(this.preset.parameters);
    this.sliders.push(place);
    slider.addEventListener("input", () => {
      const value = toValue(slider.valueAsNumber, range, power);
      show(text(value));
      this.events.change(path, changes(value, this.preset));
    });
  }

  private bindSwitches(): void {
    this.pruning.checked = this.preset.parameters.pruning.enabled;
    this.enablePruningSliders();
    this.pruning.addEventListener("change", () => {
      this.enablePruningSliders();
      this.events.change("pruning.enabled", { pruning: { enabled: this.pruning.checked } });
    });
    this.pause.addEventListener("click", () => {
      this.events.change("paused", { paused: this.pause.getAttribute("aria-pressed") !== "true" });
    });
    this.reset.addEventListener("click", () => {
      this.events.change("reset", { reset: true });
    });
  }

  private enablePruningSliders(): void {
    for (const id of ["tau", "min-keep"]) element(id, HTMLInputElement).disabled = !this.pruning.checked;
  }

  private showPaused(paused: boolean): void {
    this.pause.setAttribute("aria-pressed", String(paused));
    this.pause.textContent = paused ? "Resume" : "Pause";
  }
}

export function applied(control: string, { block, pending, parameters }: Ack): string {
  if (control === "paused" && parameters.paused) return `Paused before block ${block}`;
  return pending ? `Applies at block ${block}, after the pause` : `Applied at block ${block}`;
}
