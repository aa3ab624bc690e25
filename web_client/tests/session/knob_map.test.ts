import { expect, it } from "vitest";
import { KnobMap, knobTurn } from "../../src/session/knob_map";

it("reads control changes, and nothing else", () => {
  expect(knobTurn(new Uint8Array([0xb0, 7, 127]))).toEqual({ knob: "1.7", position: 1 });
  expect(knobTurn(new Uint8Array([0xbf, 16, 0]))).toEqual({ knob: "16.16", position: 0 });
  expect(knobTurn(new Uint8Array([0x90, 60, 100]))).toBeNull(); // a note
  expect(knobTurn(new Uint8Array([0xf8]))).toBeNull(); // the clock
});

it("remembers the newest knob of a slider", () => {
  const stored = new Map<string, string>();
  const storage = { getItem: (name: string) => stored.get(name) ?? null, setItem: (name: string, value: string) => void stored.set(name, value) };
  const knobs = new KnobMap(storage);
  knobs.assign("1.7", "strength");
  knobs.assign("1.8", "pruning-threshold");
  knobs.assign("1.9", "strength");
  expect([knobs.sliderOf("1.7"), knobs.sliderOf("1.8"), new KnobMap(storage).sliderOf("1.9")]).toEqual([null, "pruning-threshold", "strength"]);
  stored.set("lipar-knobs", "null");
  expect(knobs.sliderOf("1.9")).toBeNull();
});
