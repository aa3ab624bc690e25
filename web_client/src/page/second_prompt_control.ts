// The second prompt, mixed into the first one, with the slider of its weight.

import type { Preset } from "../api/protocol";
import { secondPrompt } from "../session/prompt_mix";
import type { SecondPrompt } from "../session/prompt_mix";
import type { Settings } from "../session/settings";
import { MIX } from "../texts";
import { element } from "./elements";

const FIRST_WEIGHT = 0.5; // of a second prompt that was not there before

export interface SecondPromptEvents {
  /** null: the first prompt alone. */
  changed: (second: SecondPrompt | null) => void;
  /** The slider is being dragged, with its value at the start; null: released. */
  dragged: (second: SecondPrompt | null) => void;
}

export class SecondPromptControl {
  private readonly details = element("mix", HTMLDetailsElement);
  private readonly summary = element("mix-summary", HTMLSpanElement);
  private readonly text = element("second-prompt", HTMLInputElement);
  private readonly weight = element("mix-weight", HTMLInputElement);
  private readonly output = element("mix-weight-value", HTMLOutputElement);
  private shown: SecondPrompt | null = null;

  constructor(
    preset: Preset,
    maxLength: number,
    private readonly events: SecondPromptEvents,
  ) {
    this.text.maxLength = maxLength;
    element("style-prompts", HTMLDataListElement).replaceChildren(...preset.styles.map(({ prompt }) => new Option(prompt, prompt)));
    element("mix-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    element("mix-clear", HTMLButtonElement).addEventListener("click", () => {
      this.text.value = "";
      this.send();
    });
    this.bindSlider();
  }

  show({ shown }: Settings): void {
    const second = secondPrompt(shown);
    const isNew = second?.text !== this.shown?.text;
    if (isNew && second !== null && this.shown === null) this.details.open = true;
    if (isNew && (second !== null || document.activeElement !== this.text)) this.text.value = second?.text ?? "";
    this.shown = second;
    this.weight.disabled = second === null;
    element("mix-clear", HTMLButtonElement).disabled = second === null;
    const weight = second?.weight ?? FIRST_WEIGHT;
    this.weight.value = String(weight);
    this.output.value = second === null ? "" : MIX.weight(Math.round(100 * weight));
    this.weight.setAttribute("aria-valuetext", this.output.value);
    this.summary.textContent = second === null ? MIX.none : MIX.of(Math.round(100 * weight), second.text);
  }

  /** Sends the text in the field, with the slider's weight. */
  private send(): void {
    const text = this.text.value.trim();
    this.events.changed(text === "" ? null : { text, weight: this.shown?.weight ?? FIRST_WEIGHT });
  }

  private bindSlider(): void {
    const moved = (): SecondPrompt | null => (this.shown === null ? null : { text: this.shown.text, weight: this.weight.valueAsNumber });
    this.weight.addEventListener("input", () => {
      this.events.changed(moved());
    });
    this.weight.addEventListener("pointerdown", () => {
      this.events.dragged(moved());
      for (const event of ["pointerup", "pointercancel"]) window.addEventListener(event, this.endDrag, { once: true });
    });
  }

  private readonly endDrag = (): void => {
    this.events.dragged(null);
  };
}
