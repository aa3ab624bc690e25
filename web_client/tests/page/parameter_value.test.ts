import { describe, expect, it } from "vitest";
import type { Preset } from "../../src/api/protocol";
import type { ParameterSpec } from "../../src/api/schema";
import { defaultChanges, formatValue, isDisabled, isRelevant, valueIn } from "../../src/page/parameter_value";
import { changesFor } from "../../src/session/parameters";
import { PARAMETERS } from "../session/stream_fixture";

const PRESET = { first_sigma: 0.06 } as Preset;

function spec(unit: string, integer = false): ParameterSpec {
  const type = { kind: "number", range: { minimum: 0, maximum: 64 }, integer, exponent: 1 } as const;
  return { path: "pruning.threshold", title: "", description: "", group: "pruning", unit, detector: "anchor", type };
}

describe("a parameter's value", () => {
  it("is found by its path and set by it", () => {
    expect(valueIn(PRESET, PARAMETERS, "pruning.tau")).toBe(0.2);
    expect(changesFor("pruning.threshold", 12)).toEqual({ pruning: { threshold: 12 } });
    expect(changesFor("strength", 0.5)).toEqual({ strength: 0.5 });
  });

  it("is the preset's first sigma while the strength is null", () => {
    expect(valueIn(PRESET, PARAMETERS, "strength")).toBe(0.06);
    expect(valueIn(PRESET, { ...PARAMETERS, strength: 0.5 }, "strength")).toBe(0.5);
  });

  it.each([
    [spec("percent"), 0.25, "25 %"],
    [spec("levels"), 12, "12.0 levels"],
    [spec("blocks", true), 12, "12 blocks"],
    [spec("", true), 12, "12"],
    [spec(""), 0.1, "0.100"],
  ])("has its unit", (parameter, value, text) => {
    expect(formatValue(parameter, value)).toBe(text);
  });

  it("is replaced by denoising steps set over REST", () => {
    expect(formatValue(spec("percent"), 0.25, [400, 200])).toBe("steps 400, 200");
  });
});

it("the default settings are the preset's, without those of another detector", () => {
  const threshold = spec("levels");
  const tau = { ...threshold, path: "pruning.tau", detector: "lipar" };
  const strength = { ...threshold, path: "strength", detector: null };
  const preset = { ...PARAMETERS, pruning: { ...PARAMETERS.pruning, detector: "anchor", threshold: 6 } };
  expect(defaultChanges([threshold, tau, strength], preset)).toEqual({ strength: null, denoising_steps: null, pruning: { threshold: 6 } });
});

it("a control is shown under the detector that reads it and disabled while pruning is off", () => {
  const off = { ...PARAMETERS, pruning: { ...PARAMETERS.pruning, enabled: false } };
  expect(isRelevant(spec(""), PARAMETERS)).toBe(false);
  expect(isRelevant({ ...spec(""), detector: null }, PARAMETERS)).toBe(true);
  expect([isDisabled("pruning.tau", off), isDisabled("pruning.enabled", off), isDisabled("seed", off)]).toEqual([true, false, false]);
  expect(isDisabled("pruning.tau", PARAMETERS)).toBe(false);
});
