import { expect, it } from "vitest";
import { applied, SLIDERS } from "../src/controls";
import type { Ack, Preset } from "../src/protocol";

const ack = (paused: boolean, pending: boolean): Ack => ({ block: 7, pending, parameters: { paused } }) as Ack;

it("a note says when a change takes effect", () => {
  expect(applied("strength", ack(false, false))).toBe("Applied at block 7");
  expect(applied("strength", ack(true, true))).toBe("Applies at block 7, after the pause");
  expect(applied("paused", ack(true, true))).toBe("Paused before block 7");
  expect(applied("paused", ack(false, false))).toBe("Applied at block 7");
});

it("the threshold's slider moves both thresholds, at the preset's ratio", () => {
  const preset = { parameters: { pruning: { tau: 0.24, tau2: 0.2 } } } as Preset;
  const slider = SLIDERS.find(({ id }) => id === "tau");
  expect(slider?.changes(0.48, preset)).toEqual({ pruning: { tau: 0.48, tau2: 0.4 } });
});
