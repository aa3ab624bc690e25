import { expect, it } from "vitest";
import { SLIDERS } from "../src/controls";
import type { Preset } from "../src/protocol";
import { PARAMETERS } from "./world";

it("the threshold's slider moves both thresholds, at the preset's ratio", () => {
  const preset = { parameters: { pruning: { tau: 0.24, tau2: 0.2 } } } as Preset;
  const slider = SLIDERS.find(({ id }) => id === "tau");
  expect(slider?.changes(0.48, preset)).toEqual({ pruning: { tau: 0.48, tau2: 0.4 } });
});

it("a detector's own threshold is what its slider sets", () => {
  const slider = SLIDERS.find(({ detector }) => detector === "anchor");
  expect(slider?.changes(12, {} as Preset)).toEqual({ pruning: { threshold: 12 } });
  expect(slider?.text(12, PARAMETERS)).toBe("12.0 levels");
});

it("steps that were set over REST show instead of a strength that does not hold", () => {
  const strength = SLIDERS.find(({ id }) => id === "strength");
  expect(strength?.text(0.25, PARAMETERS)).toBe("25 %");
  expect(strength?.text(0.25, { ...PARAMETERS, denoising_steps: [400, 200] })).toBe("steps 400, 200");
});
