// The row of one parameter: label, input, value and note, made from the server's schema.

import type { Changes, Parameters, Preset } from "../api/protocol";
import { positionOf, valueAt } from "../api/schema";
import type { ParameterSpec } from "../api/schema";
import { changesFor } from "../session/parameters";
import type { Settings } from "../session/settings";
import { CHOICES, HINTS } from "../texts";
import { formatValue, isDisabled, isRelevant, valueIn } from "./parameter_value";

export interface RowEvents {
  changed: (control: string, changes: Changes) => void;
  /** A slider is being dragged, with its value at the start; null: released. */
  dragged: (dragged: { control: string; changes: Changes } | null) => void;
}

const MAX_SLIDER_VALUES = 10_000; // integers with a larger range are typed
const POSITIONS = 200; // of a slider

export class ParameterRow {
  readonly root = document.createElement("div");
  readonly path: string;
  readonly input: HTMLInputElement | HTMLSelectElement;
  readonly note = document.createElement("p");
  private readonly output = document.createElement("output");

  constructor(
    private readonly spec: ParameterSpec,
    private readonly preset: Preset,
    private readonly events: RowEvents,
  ) {
    this.path = spec.path;
    const id = spec.path.replaceAll(/[._]/g, "-");
    this.input = this.createInput();
    this.input.id = id;
    this.input.setAttribute("aria-describedby", `${id}-note`);
    this.output.id = `${id}-value`;
    this.output.htmlFor.add(id);
    this.note.id = `${id}-note`;
    this.note.className = "note";
    this.note.setAttribute("role", "status");
    this.root.className = "slider";
    this.root.append(labelFor(id, spec), ...(isSlider(this.input) ? [this.output, this.input] : [this.input]), ...hintFor(spec), this.note);
  }

  show({ shown }: Settings): void {
    const value = valueIn(this.preset, shown, this.path);
    this.root.hidden = !isRelevant(this.spec, shown);
    this.input.disabled = isDisabled(this.path, shown);
    this.showValue(value, shown);
  }

  private showValue(value: unknown, parameters: Parameters): void {
    const { type, path } = this.spec;
    if (this.input.type === "checkbox") (this.input).checked = value === true;
    else if (isSlider(this.input) && type.kind === "number") {
      this.input.value = String(positionOf(Number(value), type.range, type.exponent));
      this.output.value = formatValue(this.spec, Number(value), path === "strength" ? parameters.denoising_steps : null);
      this.input.setAttribute("aria-valuetext", this.output.value);
    } else if (document.activeElement !== this.input || this.input.tagName === "SELECT") this.input.value = String(value);
  }

  private createInput(): HTMLInputElement | HTMLSelectElement {
    const { type } = this.spec;
    if (type.kind === "choice") return this.createChoice(type.choices);
    const input = document.createElement("input");
    if (type.kind === "boolean") return this.bindSwitch(input);
    const { minimum, maximum } = type.range;
    if (type.integer && maximum - minimum > MAX_SLIDER_VALUES) return this.bindNumber(input, minimum, maximum);
    return this.bindSlider(input, type);
  }

  private createChoice(choices: string[]): HTMLSelectElement {
    const select = document.createElement("select");
    select.append(...choices.map((choice) => new Option(CHOICES[choice] ?? choice, choice)));
    select.addEventListener("change", () => {
      this.send(select.value);
    });
    return select;
  }

  private bindSwitch(input: HTMLInputElement): HTMLInputElement {
    input.type = "checkbox";
    input.className = "switch";
    input.setAttribute("role", "switch");
    input.addEventListener("change", () => {
      this.send(input.checked);
    });
    return input;
  }

  private bindNumber(input: HTMLInputElement, minimum: number, maximum: number): HTMLInputElement {
    Object.assign(input, { type: "number", min: String(minimum), max: String(maximum), step: "1" });
    input.addEventListener("change", () => {
      if (Number.isFinite(input.valueAsNumber)) this.send(input.valueAsNumber);
    });
    return input;
  }

  private bindSlider(input: HTMLInputElement, type: ParameterSpec["type"] & { kind: "number" }): HTMLInputElement {
    Object.assign(input, { type: "range", min: "0", max: "1", step: String(1 / POSITIONS) });
    const current = (): number => {
      const value = valueAt(input.valueAsNumber, type.range, type.exponent);
      return type.integer ? Math.round(value) : value;
    };
    input.addEventListener("input", () => {
      this.send(current());
    });
    input.addEventListener("pointerdown", () => {
      this.events.dragged({ control: this.path, changes: changesFor(this.path, current()) });
      for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, this.endDrag, { once: true });
    });
    return input;
  }

  private readonly endDrag = (): void => {
    this.events.dragged(null);
  };

  private send(value: unknown): void {
    this.events.changed(this.path, changesFor(this.path, value));
  }
}

function isSlider(input: HTMLInputElement | HTMLSelectElement): boolean {
  return input.type === "range";
}

/** A sentence below the controls that need one. */
function hintFor({ path }: ParameterSpec): HTMLElement[] {
  const text = HINTS[path];
  if (text === undefined) return [];
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = text;
  return [hint];
}

function labelFor(id: string, { title, description }: ParameterSpec): HTMLLabelElement {
  const label = document.createElement("label");
  label.htmlFor = id;
  label.textContent = title;
  label.title = description;
  return label;
}
