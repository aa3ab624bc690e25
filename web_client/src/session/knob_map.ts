// Which MIDI knob moves which slider; stored, so that it outlives the page.

import { storedStrings } from "./stored_json";

const NAME = "lipar-knobs";
const CONTROL_CHANGE = 0xb0;
const MAX_VALUE = 127;

export interface KnobTurn {
  knob: string; // its channel and number
  position: number; // 0 to 1
}

/** The turn that a MIDI message reports; null for other messages. */
export function knobTurn(message: Uint8Array): KnobTurn | null {
  const [status = 0, controller, value] = message;
  if ((status & 0xf0) !== CONTROL_CHANGE || controller === undefined || value === undefined) return null;
  return { knob: `${(status & 0x0f) + 1}.${controller}`, position: value / MAX_VALUE };
}

export class KnobMap {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.localStorage) {}

  /** The id of the slider that this knob moves. */
  sliderOf(knob: string): string | null {
    return this.stored()[knob] ?? null;
  }

  /** A knob moves one slider, a slider follows one knob: the newest. */
  assign(knob: string, slider: string): void {
    const others = Object.entries(this.stored()).filter(([, moved]) => moved !== slider);
    this.storage.setItem(NAME, JSON.stringify({ ...Object.fromEntries(others), [knob]: slider }));
  }

  private stored(): Record<string, string> {
    return storedStrings(this.storage, NAME);
  }
}
