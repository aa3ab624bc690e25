// Pure functions for the controls of parameters: values, changes, texts, and when a control has an effect.

import type { Changes, Parameters, Preset } from "../api/protocol";
import type { ParameterSpec } from "../api/schema";
import { mergeChanges } from "../session/parameters";
import { VALUES } from "../texts/en";

/** The value at a path such as "pruning.tau". The strength, while it is null, is that of the preset's steps. */
export function valueIn(preset: Preset, parameters: Parameters, path: string): unknown {
  const value = rawValue(parameters, path);
  return path === "strength" ? (value ?? preset.first_sigma) : value;
}

function rawValue(parameters: Parameters, path: string): unknown {
  return path.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], parameters);
}

/** `changesFor("pruning.tau", 0.5)` is `{pruning: {tau: 0.5}}` */
export function changesFor(path: string, value: unknown): Changes {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Changes;
}

/** The changes that bring all these parameters back to the preset's; without those that its detector does not read. */
export function defaultChanges(specs: ParameterSpec[], preset: Parameters): Changes {
  const relevant = specs.filter((spec) => isRelevant(spec, preset));
  const steps = preset.strength === null ? { denoising_steps: preset.denoising_steps } : {}; // they exclude each other
  return relevant.reduce<Changes>((changes, { path }) => mergeChanges(changes, changesFor(path, rawValue(preset, path))), steps);
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
