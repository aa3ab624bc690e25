import { expect, it } from "vitest";
import { SLIDERS } from "../src/controls";
import type { Preset } from "../src/protocol";
import { PARAMETERS } from "./world";

it("the threshold's slider moves both thresholds, at the preset's ratio", () => {
  const preset = { parameters: { pruning: { tau: 0.24, tau2: 0.2 } } } as Preset;
  const slider = SLIDERS.find(({ id }) => id === "tau");
  expect(slider?.changes(0.48, preset)).toEqual({ pruning: { tau: 0.48, tau2: 0.4 } });
});

it("steps that were set over REST show instead of a strength that does not hold", () => {
  const strength = SLIDERS.find(({ id }) => id === "strength");
  expect(strength?.text(0.25, PARAMETERS)).toBe("25 %");
  expect(strength?.text(0.25, { ...PARAMETERS, denoising_steps: [400, 200] })).toBe("steps 400, 200");
});
