// Settings in the page's address: a link to the page with the prompt and all settings that differ from the preset's.
// Names are the parameters' paths: ?prompt=a+pencil+sketch&strength=0.1&pruning.threshold=4
// A second prompt and its weight: &mix=neon&mix.weight=0.3

import type { Changes, Parameters, Preset, Schema } from "../api/protocol";
import { leafSchemas, maxLengthOf } from "../api/schema";
import { LINKS } from "../texts";
import { changesFor, differences, mergeChanges, valueAtPath } from "./parameters";
import { promptChanges, secondPrompt } from "./prompt_mix";

const OTHER_NAMES = ["session", "watch", "clean", "overlay", "background", "sound"]; // of watch links and named sessions
const NOT_SHARED = ["paused", "region.source", "region.mode", "region.mask", "region.feather"]; // a region belongs to a picture
const MIX = "mix"; // a second prompt
const MIX_WEIGHT = "mix.weight"; // 0..1; the first prompt has the rest
const DEFAULT_MIX_WEIGHT = 0.5;

export interface LinkSettings {
  changes: Changes;
  /** What was ignored, and why. */
  problems: string[];
}

/** The page's address with these settings; without a session's name and without any token. */
export function settingsLink(page: string, { parameters }: Preset, schema: Schema, shown: Parameters): string {
  const link = new URL(page);
  const changes = { ...differences(parameters, shown), prompt: shown.prompt };
  const values = shareable(schema).flatMap(([path]): [string, string][] => {
    const value = valueAtPath(changes, path);
    return value === undefined ? [] : [[path, addressText(value)]];
  });
  const second = secondPrompt(shown);
  if (second !== null) values.push([MIX, second.text], [MIX_WEIGHT, String(Math.round(second.weight * 100) / 100)]);
  link.search = new URLSearchParams(values).toString();
  link.hash = "";
  return link.href;
}

/** The settings in an address; invalid ones are left out, since a session would be refused because of them. */
export function readSettingsLink(address: string, preset: Preset, schema: Schema): LinkSettings {
  const read: LinkSettings = { changes: {}, problems: [] };
  const schemas = new Map<string, Schema>([...shareable(schema), ...mixSchemas(schema)]);
  const mix = new Map<string, unknown>();
  const { searchParams } = new URL(address);
  const detector = searchParams.get("pruning.detector") ?? preset.parameters.pruning.detector;
  for (const [path, text] of [...searchParams].filter(([name]) => !OTHER_NAMES.includes(name))) {
    const parameter = schemas.get(path);
    const value = parameter === undefined ? undefined : parseValue(parameter, text);
    if (parameter === undefined) read.problems.push(LINKS.unknown(path));
    else if (value === undefined) read.problems.push(LINKS.invalid(path, text, allowedIn(parameter)));
    else if (parameter.detector !== undefined && parameter.detector !== detector) read.problems.push(LINKS.otherDetector(path, parameter.detector));
    else if (path === "denoising_steps" && searchParams.has("strength")) read.problems.push(LINKS.excluded(path, "strength"));
    else if (path === MIX || path === MIX_WEIGHT) mix.set(path, value);
    else read.changes = mergeChanges(read.changes, changesFor(path, value));
  }
  return withMix(read, preset.parameters.prompt, mix);
}

function withMix({ changes, problems }: LinkSettings, defaultPrompt: string, mix: Map<string, unknown>): LinkSettings {
  const text = mix.get(MIX);
  const weight = mix.get(MIX_WEIGHT) ?? DEFAULT_MIX_WEIGHT;
  if (typeof text === "string") return { changes: { ...changes, ...promptChanges(changes.prompt ?? defaultPrompt, { text, weight: Number(weight) }) }, problems };
  return mix.has(MIX_WEIGHT) ? { changes, problems: [...problems, LINKS.needs(MIX_WEIGHT, MIX)] } : { changes, problems };
}

function mixSchemas(schema: Schema): [string, Schema][] {
  return [
    [MIX, { type: "string", maxLength: maxLengthOf(schema, "prompt") }],
    [MIX_WEIGHT, { type: "number", minimum: 0, maximum: 1 }],
  ];
}

/** The parameters that fit into an address: all but lists of objects. */
function shareable(schema: Schema): [string, Schema][] {
  return leafSchemas(schema).filter(([path, { type, items }]) => !NOT_SHARED.includes(path) && !(type === "array" && items?.type !== "integer"));
}

function addressText(value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Undefined: not a valid value. */
function parseValue(schema: Schema, text: string): unknown {
  if (schema.enum !== undefined) return schema.enum.find((choice) => choice === text);
  switch (schema.type) {
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "string":
      return text.trim() !== "" && text.length <= (schema.maxLength ?? Infinity) ? text : undefined;
    case "array":
      return parseSteps(schema, text);
    default:
      return parseNumber(schema, text);
  }
}

function parseNumber({ type, minimum = -Infinity, maximum = Infinity }: Schema, text: string): number | undefined {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value) || value < minimum || value > maximum) return undefined;
  return type === "integer" && !Number.isInteger(value) ? undefined : value;
}

/** Whole numbers that decrease, as "400,350,250". */
function parseSteps({ items = {}, maxItems = Infinity }: Schema, text: string): number[] | undefined {
  const steps = text.split(",").map((step) => parseNumber(items, step));
  const isValid = steps.length <= maxItems && steps.every((step, i) => step !== undefined && step < (steps[i - 1] ?? Infinity));
  return isValid ? (steps as number[]) : undefined;
}

function allowedIn(schema: Schema): string {
  if (schema.enum !== undefined) return LINKS.oneOf(schema.enum);
  if (schema.type === "boolean") return LINKS.oneOf(["true", "false"]);
  if (schema.type === "string") return LINKS.text(schema.maxLength ?? Infinity);
  if (schema.type === "array") return LINKS.steps(schema.items?.minimum, schema.items?.maximum);
  return LINKS.range(schema.type === "integer", schema.minimum, schema.maximum);
}
