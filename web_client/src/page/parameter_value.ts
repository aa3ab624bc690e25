// Pure functions for the controls of parameters: values, changes, texts, and when a control has an effect.

import type { Changes, Parameters, Preset } from "../api/protocol";
import type { ParameterSpec } from "../api/schema";
import { changesFor, mergeChanges, valueAtPath } from "../session/parameters";
import { VALUES } from "../texts";

/** The value at a path such as "pruning.tau". The strength, while it is null, is that of the preset's steps. */
export function valueIn(preset: Preset, parameters: Parameters, path: string): unknown {
  const value = valueAtPath(parameters, path);
  return path === "strength" ? (value ?? preset.first_sigma) : value;
}

/** The changes that bring all these parameters back to the preset's; without those that its detector does not read. */
export function defaultChanges(specs: ParameterSpec[], preset: Parameters): Changes {
  const relevant = specs.filter((spec) => isRelevant(spec, preset));
  const steps = preset.strength === null ? { denoising_steps: preset.denoising_steps } : {}; // they exclude each other
  return relevant.reduce<Changes>((changes, { path }) => mergeChanges(changes, changesFor(path, valueAtPath(preset, path))), steps);
}

/** A number with its unit; `steps`: denoising steps that apply instead of it. */
export function formatValue({ unit, type }: ParameterSpec, value: number, steps: number[] | null = null): string {
  if (steps !== null) return VALUES.steps(steps);
  if (unit === "percent") return `${Math.round(value * 100)} %`;
  if (type.kind === "number" && type.integer) return `${value} ${unit}`.trimEnd();
  return unit === "" ? value.toFixed(3) : `${value.toFixed(1)} ${unit}`;
}

/** Whether the detector in use reads the parameter. */
export function isRelevant({ detector }: ParameterSpec, { pruning }: Parameters): boolean {
  return detector === null || detector === pruning.detector;
}

/** Whether the parameter has no effect because pruning is off. */
export function isDisabled(path: string, { pruning }: Parameters): boolean {
  return path.startsWith("pruning.") && path !== "pruning.enabled" && !pruning.enabled;
}
