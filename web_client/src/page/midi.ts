// MIDI knobs move the sliders of the settings, whichever the server's schema has. To learn one: move the slider, then turn the knob.

import { errorMessage } from "../session/error_message";
import { KnobMap, knobTurn } from "../session/knob_map";
import { MIDI } from "../texts";
import { element } from "./elements";

const SLIDERS = ".slider input[type=range]";

export class Midi {
  private readonly button = element("midi", HTMLButtonElement);
  private readonly note = element("midi-note", HTMLParagraphElement);
  private readonly knobs = new KnobMap();
  private isLearning = false;
  private learned: HTMLInputElement | null = null; // the slider that was moved

  constructor() {
    this.button.hidden = !("requestMIDIAccess" in navigator);
    this.button.addEventListener("click", () => void this.toggle());
    document.addEventListener("input", ({ target }) => {
      if (this.isLearning && target instanceof HTMLInputElement && target.matches(SLIDERS)) this.awaitKnob(target);
    });
  }

  /** The first press asks for the devices; then each begins or ends learning. */
  private async toggle(): Promise<void> {
    if (this.button.dataset.open === undefined && !(await this.open())) return;
    this.setLearning(!this.isLearning);
    this.note.textContent = this.isLearning ? MIDI.moveSlider : "";
  }

  private async open(): Promise<boolean> {
    try {
      const access = await navigator.requestMIDIAccess();
      const listen = (): void => {
        for (const input of access.inputs.values()) {
          input.onmidimessage = ({ data }) => {
            if (data !== null) this.turn(data);
          };
        }
      };
      access.onstatechange = listen; // a device was connected
      listen();
      this.button.dataset.open = "";
      return true;
    } catch (error) {
      this.note.textContent = MIDI.unavailable(errorMessage(error));
      return false;
    }
  }

  private awaitKnob(slider: HTMLInputElement): void {
    this.learned = slider;
    this.note.textContent = MIDI.turnKnob(labelOf(slider));
  }

  private turn(message: Uint8Array): void {
    const turned = knobTurn(message);
    if (turned === null) return;
    if (this.learned !== null) {
      this.knobs.assign(turned.knob, this.learned.id);
      this.note.textContent = MIDI.learned(labelOf(this.learned), turned.knob);
      this.setLearning(false);
    }
    const slider = document.getElementById(this.knobs.sliderOf(turned.knob) ?? "");
    if (!(slider instanceof HTMLInputElement) || !slider.matches(SLIDERS) || slider.disabled) return;
    slider.value = String(turned.position); // of a slider from 0 to 1
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }

  private setLearning(isLearning: boolean): void {
    this.isLearning = isLearning;
    this.learned = null;
    this.button.setAttribute("aria-pressed", String(isLearning));
  }
}

function labelOf(slider: HTMLInputElement): string {
  return slider.labels?.[0]?.textContent ?? slider.id;
}
