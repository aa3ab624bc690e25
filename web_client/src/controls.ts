// The prompt, the styles and the sliders: what the user sets, what the session has, and beside each what came of it.

import { element } from "./elements";
import { lengthNote, noteOf } from "./notes";
import type { Note } from "./notes";
import type { Changes, Parameters, Preset, Pruning, Schema } from "./protocol";
import { maxLengthOf, rangeOf, toTravel, toValue } from "./schema";
import type { Range } from "./schema";
import type { SessionState } from "./session/session_state";
import type { Settings } from "./session/settings";

export interface ControlEvents {
  /** `control` is the parameter's path. */
  change: (control: string, changes: Changes) => void;
  /** Typed, and not to be sent yet. */
  type: (control: string, changes: Changes) => void;
  /** Held by a finger, set as it is; null: let go. */
  grab: (held: { control: string; changes: Changes } | null) => void;
}

export interface ControlsSituation {
  settings: Settings;
  state: SessionState["name"];
}

interface SliderSpec {
  id: string;
  path: string;
  power: number; // of the slider's travel, see schema.ts
  text: (value: number, parameters: Parameters) => string;
  read: (preset: Preset, parameters: Parameters) => number;
  changes: (value: number, preset: Preset) => Changes;
  detector?: Pruning["detector"]; // the only one that it serves: hidden under the other
}

const percent = (value: number): string => `${Math.round(value * 100)} %`;

const levels = (value: number): string => `${value.toFixed(1)} levels`;

export const SLIDERS: SliderSpec[] = [
  {
    id: "strength",
    path: "strength",
    power: 1,
    text: (value, { denoising_steps }) => (denoising_steps === null ? percent(value) : `steps ${denoising_steps.join(", ")}`),
    read: ({ first_sigma }, { strength }) => strength ?? first_sigma,
    changes: (strength) => ({ strength }),
  },
  {
    id: "threshold",
    path: "pruning.threshold",
    detector: "anchor",
    power: 2,
    text: levels,
    read: (_, { pruning }) => pruning.threshold,
    changes: (threshold) => ({ pruning: { threshold } }),
  },
  {
    id: "tau",
    path: "pruning.tau",
    detector: "lipar",
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

/** By note: the controls that share it, and what each of them is set on. */
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
  private readonly sliders: ((parameters: Parameters) => void)[] = []; // each sets one

  constructor(
    private readonly preset: Preset,
    schema: Schema,
    private readonly events: ControlEvents,
  ) {
    this.prompt.maxLength = maxLengthOf(schema, "prompt");
    this.prompt.disabled = false; // nobody listened to what was typed before
    for (const spec of SLIDERS) this.bindSlider(spec, rangeOf(schema, spec.path));
    this.bindPrompt();
    this.bindStyles();
    this.bindSwitches();
    element("vocabulary", HTMLParagraphElement).textContent = preset.vocabulary_note;
  }

  show({ settings, state }: ControlsSituation): void {
    const { shown } = settings;
    this.showPrompt(settings);
    for (const place of this.sliders) place(shown);
    this.pruning.checked = shown.pruning.enabled;
    for (const id of ["threshold", "tau", "min-keep"]) element(id, HTMLInputElement).disabled = !shown.pruning.enabled;
    for (const { id, detector } of SLIDERS) showRow(id, detector === undefined || detector === shown.pruning.detector);
    this.pause.setAttribute("aria-pressed", String(shown.paused));
    this.pause.textContent = shown.paused ? "Resume" : "Pause";
    this.pause.disabled = this.reset.disabled = state !== "live"; // they make sense while a session is live only
    this.showNotes(settings, state);
    element("length-note", HTMLParagraphElement).textContent = lengthNote(settings.tokens);
  }

  private showPrompt(settings: Settings): void {
    const { prompt } = settings.shown;
    const isTyped = settings.of("prompt").name === "typed";
    const chosen = isTyped ? settings.held.prompt : prompt;
    if (this.prompt.value !== prompt) this.prompt.value = prompt; // leaves the cursor of whoever types
    this.prompt.toggleAttribute("data-dirty", isTyped);
    this.apply.classList.toggle("primary", isTyped);
    for (const chip of this.styles.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.prompt === chosen));
    }
  }

  private showNotes(settings: Settings, state: SessionState["name"]): void {
    for (const [id, { controls, input }] of Object.entries(NOTES)) {
      const control = settings.newest(controls);
      const note = noteOf(control, settings.of(control), { held: settings.held, state });
      showNote(element(id, HTMLParagraphElement), note);
      if (input !== undefined) element(input, HTMLInputElement).setAttribute("aria-invalid", String(note.tone === "bad"));
    }
  }

  private bindPrompt(): void {
    this.prompt.addEventListener("input", () => {
      this.events.type("prompt", { prompt: this.prompt.value });
    });
    element("prompt-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.events.change("prompt", { prompt: this.prompt.value });
    });
  }

  private bindStyles(): void {
    const chips = this.preset.styles.map((style) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.textContent = style.name;
      chip.dataset.prompt = style.prompt;
      chip.addEventListener("click", () => {
        this.events.change("prompt", { prompt: style.prompt });
      });
      return chip;
    });
    this.styles.replaceChildren(...chips);
  }

  private bindSlider({ id, path, power, text, read, changes }: SliderSpec, range: Range): void {
    const slider = element(id, HTMLInputElement);
    const output = element(`${id}-value`, HTMLOutputElement);
    this.sliders.push((parameters) => {
      const value = read(this.preset, parameters);
      slider.value = String(toTravel(value, range, power));
      output.value = text(value, parameters);
      slider.setAttribute("aria-valuetext", output.value);
    });
    const asSet = (): Changes => changes(toValue(slider.valueAsNumber, range, power), this.preset);
    slider.addEventListener("input", () => {
      this.events.change(path, asSet());
    });
    slider.addEventListener("pointerdown", () => {
      this.events.grab({ control: path, changes: asSet() });
      for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, this.letGo, { once: true });
    });
  }

  private readonly letGo = (): void => {
    this.events.grab(null);
  };

  private bindSwitches(): void {
    this.pruning.addEventListener("change", () => {
      this.events.change("pruning.enabled", { pruning: { enabled: this.pruning.checked } });
    });
    this.pause.addEventListener("click", () => {
      this.events.change("paused", { paused: this.pause.getAttribute("aria-pressed") !== "true" });
    });
    this.reset.addEventListener("click", () => {
      this.events.change("reset", { reset: true });
    });
  }
}

function showRow(id: string, isShown: boolean): void {
  const row = element(id, HTMLInputElement).closest<HTMLElement>(".slider");
  if (row !== null) row.hidden = !isShown;
}

/** An error interrupts a screen reader; good news wait their turn. Unchanged text is not said again. */
function showNote(place: HTMLElement, { text, tone, detail }: Note): void {
  if (place.textContent === text && place.title === detail) return;
  place.setAttribute("role", tone === "bad" ? "alert" : "status");
  place.dataset.tone = tone;
  place.title = detail;
  place.textContent = text;
}
