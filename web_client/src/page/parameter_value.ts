// Pure functions for the controls of parameters: values, changes, texts, and when a control has an effect.

import type { Changes, Parameters, Preset } from "../api/protocol";
import type { ParameterSpec } from "../api/schema";
import { VALUES } from "../texts/en";

/** The value at a path such as "pruning.tau". The strength, while it is null, is that of the preset's steps. */
export function valueIn(preset: Preset, parameters: Parameters, path: string): unknown {
  const value = path.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], parameters);
  return path === "strength" ? (value ?? preset.first_sigma) : value;
}

/** `changesFor("pruning.tau", 0.5)` is `{pruning: {tau: 0.5}}` */
export function changesFor(path: string, value: unknown): Changes {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Changes;
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
