import { expect, it } from "vitest";
import type { Preset } from "../../src/api/protocol";
import { SLIDERS } from "../../src/page/controls";
import { PARAMETERS } from "../session/stream_fixture";

it("the threshold slider moves both thresholds at the preset's ratio", () => {
  const preset = { parameters: { pruning: { tau: 0.24, tau2: 0.2 } } } as Preset;
  const slider = SLIDERS.find(({ id }) => id === "tau");
  expect(slider?.changesFor(0.48, preset)).toEqual({ pruning: { tau: 0.48, tau2: 0.4 } });
});

it("each detector's slider sets its own threshold", () => {
  const slider = SLIDERS.find(({ detector }) => detector === "anchor");
  expect(slider?.changesFor(12, {} as Preset)).toEqual({ pruning: { threshold: 12 } });
  expect(slider?.format(12, PARAMETERS)).toBe("12.0 levels");
});

it("steps set over REST are shown instead of the strength", () => {
  const strength = SLIDERS.find(({ id }) => id === "strength");
  expect(strength?.format(0.25, PARAMETERS)).toBe("25 %");
  expect(strength?.format(0.25, { ...PARAMETERS, denoising_steps: [400, 200] })).toBe("steps 400, 200");
});
