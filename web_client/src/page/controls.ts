// The prompt, style buttons and sliders: show the settings and report the user's changes.

import type { Changes, Parameters, Preset, Pruning, Schema } from "../api/protocol";
import { maxLengthOf, positionOf, rangeOf, valueAt } from "../api/schema";
import type { Range } from "../api/schema";
import type { Settings } from "../session/settings";
import type { StreamState } from "../session/stream_state";
import { element } from "./elements";
import { noteOf, promptLengthNote } from "./notes";
import type { Note } from "./notes";

export interface ControlEvents {
  /** `control` is the parameter's path. */
  changed: (control: string, changes: Changes) => void;
  /** Typed but not submitted. */
  typed: (control: string, changes: Changes) => void;
  /** A slider is being dragged, with its value at the start; null: released. */
  dragged: (dragged: { control: string; changes: Changes } | null) => void;
}

export interface ControlsState {
  settings: Settings;
  state: StreamState["name"];
}

interface SliderSpec {
  id: string;
  path: string;
  exponent: number; // of the mapping from position to value, see schema.ts
  format: (value: number, parameters: Parameters) => string;
  valueIn: (preset: Preset, parameters: Parameters) => number;
  changesFor: (value: number, preset: Preset) => Changes;
  detector?: Pruning["detector"]; // the slider is hidden under other detectors
}

const percent = (value: number): string => `${Math.round(value * 100)} %`;

const levels = (value: number): string => `${value.toFixed(1)} levels`;

export const SLIDERS: SliderSpec[] = [
  {
    id: "strength",
    path: "strength",
    exponent: 1,
    format: (value, { denoising_steps }) => (denoising_steps === null ? percent(value) : `steps ${denoising_steps.join(", ")}`),
    valueIn: ({ first_sigma }, { strength }) => strength ?? first_sigma,
    changesFor: (strength) => ({ strength }),
  },
  {
    id: "threshold",
    path: "pruning.threshold",
    detector: "anchor",
    exponent: 2,
    format: levels,
    valueIn: (_, { pruning }) => pruning.threshold,
    changesFor: (threshold) => ({ pruning: { threshold } }),
  },
  {
    id: "tau",
    path: "pruning.tau",
    detector: "lipar",
    exponent: 2,
    format: (value) => value.toFixed(3),
    valueIn: (_, { pruning }) => pruning.tau,
    // both thresholds, at the preset's ratio: a larger tau alone would have no effect
    changesFor: (tau, { parameters: { pruning } }) =>
      pruning.tau > 0 ? { pruning: { tau, tau2: (tau * pruning.tau2) / pruning.tau } } : { pruning: { tau } },
  },
  {
    id: "min-keep",
    path: "pruning.min_keep",
    exponent: 1,
    format: percent,
    valueIn: (_, { pruning }) => pruning.min_keep,
    changesFor: (min_keep) => ({ pruning: { min_keep } }),
  },
];

/** By the note's element id: the controls that share the note, and their input element. */
const NOTES: Record<string, { controls: [string, ...string[]]; input?: string }> = {
  "prompt-note": { controls: ["prompt"], input: "prompt" },
  "pruning-note": { controls: ["pruning.enabled"], input: "pruning" },
  "action-note": { controls: ["paused", "reset"] },
  ...Object.fromEntries(SLIDERS.map(({ id, path }) => [`${id}-note`, { controls: [path], input: id }])),
};

export class Controls {
  private readonly prompt = element("prompt", HTMLInputElement);
  private readonly apply = element("apply", HTMLButtonElement);
  private readonly styles = element("styles", HTMLDivElement);
  private readonly pruning = element("pruning", HTMLInputElement);
  private readonly pause = element("pause", HTMLButtonElement);
  private readonly reset = element("reset", HTMLButtonElement);
  private readonly sliderUpdates: ((parameters: Parameters) => void)[] = []; // one per slider

  constructor(
    private readonly preset: Preset,
    schema: Schema,
    private readonly events: ControlEvents,
  ) {
    this.prompt.maxLength = maxLengthOf(schema, "prompt");
    this.prompt.disabled = false; // disabled in the HTML until its events are handled
    for (const spec of SLIDERS) this.bindSlider(spec, rangeOf(schema, spec.path));
    this.bindPrompt();
    this.bindStyles();
    this.bindSwitches();
    element("vocabulary", HTMLParagraphElement).textContent = preset.vocabulary_note;
  }

  show({ settings, state }: ControlsState): void {
    const { shown } = settings;
    this.showPrompt(settings);
    for (const updateSlider of this.sliderUpdates) updateSlider(shown);
    this.pruning.checked = shown.pruning.enabled;
    for (const id of ["threshold", "tau", "min-keep"]) element(id, HTMLInputElement).disabled = !shown.pruning.enabled;
    for (const { id, detector } of SLIDERS) setRowVisible(id, detector === undefined || detector === shown.pruning.detector);
    this.pause.setAttribute("aria-pressed", String(shown.paused));
    this.pause.textContent = shown.paused ? "Resume" : "Pause";
    this.pause.disabled = this.reset.disabled = state !== "live"; // they act on a live session only
    this.showNotes(settings, state);
    element("length-note", HTMLParagraphElement).textContent = promptLengthNote(settings.promptTokens);
  }

  private showPrompt(settings: Settings): void {
    const { prompt } = settings.shown;
    const isTyped = settings.stateOf("prompt").name === "typed";
    const applied = isTyped ? settings.current.prompt : prompt;
    if (this.prompt.value !== prompt) this.prompt.value = prompt; // an unchanged value keeps the cursor's position
    this.prompt.toggleAttribute("data-dirty", isTyped);
    this.apply.classList.toggle("primary", isTyped);
    for (const chip of this.styles.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.prompt === applied));
    }
  }

  private showNotes(settings: Settings, state: StreamState["name"]): void {
    for (const [id, { controls, input }] of Object.entries(NOTES)) {
      const control = settings.lastUsed(controls);
      const note = noteOf(control, settings.stateOf(control), { current: settings.current, streamState: state });
      showNote(element(id, HTMLParagraphElement), note);
      if (input !== undefined) element(input, HTMLInputElement).setAttribute("aria-invalid", String(note.tone === "error"));
    }
  }

  private bindPrompt(): void {
    this.prompt.addEventListener("input", () => {
      this.events.typed("prompt", { prompt: this.prompt.value });
    });
    element("prompt-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.events.changed("prompt", { prompt: this.prompt.value });
    });
  }

  private bindStyles(): void {
    const chips = this.preset.styles.map((style) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.textContent = style.name;
      chip.dataset.prompt = style.prompt;
      chip.addEventListener("click", () => {
        this.events.changed("prompt", { prompt: style.prompt });
      });
      return chip;
    });
    this.styles.replaceChildren(...chips);
  }

  private bindSlider({ id, path, exponent: power, format: text, valueIn: read, changesFor: changes }: SliderSpec, range: Range): void {
    const slider = element(id, HTMLInputElement);
    const output = element(`${id}-value`, HTMLOutputElement);
    this.sliderUpdates.push((parameters) => {
      const value = read(this.preset, parameters);
      slider.value = String(positionOf(value, range, power));
      output.value = text(value, parameters);
      slider.setAttribute("aria-valuetext", output.value);
    });
    const currentChanges = (): Changes => changes(valueAt(slider.valueAsNumber, range, power), this.preset);
    slider.addEventListener("input", () => {
      this.events.changed(path, currentChanges());
    });
    slider.addEventListener("pointerdown", () => {
      this.events.dragged({ control: path, changes: currentChanges() });
      for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, this.endDrag, { once: true });
    });
  }

  private readonly endDrag = (): void => {
    this.events.dragged(null);
  };

  private bindSwitches(): void {
    this.pruning.addEventListener("change", () => {
      this.events.changed("pruning.enabled", { pruning: { enabled: this.pruning.checked } });
    });
    this.pause.addEventListener("click", () => {
      this.events.changed("paused", { paused: this.pause.getAttribute("aria-pressed") !== "true" });
    });
    this.reset.addEventListener("click", () => {
      this.events.changed("reset", { reset: true });
    });
  }
}

function setRowVisible(id: string, isShown: boolean): void {
  const row = element(id, HTMLInputElement).closest<HTMLElement>(".slider");
  if (row !== null) row.hidden = !isShown;
}

/** Errors interrupt a screen reader (role `alert`), other notes do not. Unchanged text is not announced again. */
function showNote(target: HTMLElement, { text, tone, tooltip: detail }: Note): void {
  if (target.textContent === text && target.title === detail) return;
  target.setAttribute("role", tone === "error" ? "alert" : "status");
  target.dataset.tone = tone;
  target.title = detail;
  target.textContent = text;
}
