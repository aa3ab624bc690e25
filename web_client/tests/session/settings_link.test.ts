import { expect, it } from "vitest";
import type { Parameters, Preset, Schema } from "../../src/api/protocol";
import { readSettingsLink, settingsLink } from "../../src/session/settings_link";

const PAGE = "https://studio.example/lipar/";
const SCHEMA: Schema = {
  properties: {
    prompt: { type: "string", maxLength: 20 },
    strength: { anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { type: "null" }] },
    denoising_steps: { anyOf: [{ type: "array", items: { type: "integer", minimum: 1, maximum: 999 }, maxItems: 3 }, { type: "null" }] },
    seed: { type: "integer", minimum: 0, maximum: 100 },
    fit: { enum: ["crop", "fit"] },
    paused: { type: "boolean" },
    prompts: { type: "array", items: { type: "object" } },
    pruning: { $ref: "#/$defs/Pruning" },
  },
  $defs: {
    Pruning: {
      properties: {
        enabled: { type: "boolean" },
        detector: { enum: ["anchor", "lipar"] },
        threshold: { type: "number", minimum: 0, maximum: 64, detector: "anchor" },
        tau: { type: "number", minimum: 0, maximum: 2, detector: "lipar" },
      },
    },
  },
};
const PARAMETERS: Parameters = {
  prompt: "no change",
  prompts: null,
  strength: null,
  denoising_steps: null,
  seed: 0,
  fit: "crop",
  paused: false,
  region: { source: "shape", mode: "edit", box: null, mask: null, feather: 0.02 },
  pruning: { enabled: true, detector: "anchor", threshold: 6, tau: 0.2 },
};
const PRESET = { parameters: PARAMETERS } as Preset;

const read = (query: string): ReturnType<typeof readSettingsLink> => readSettingsLink(`${PAGE}?${query}`, PRESET, SCHEMA);

it("a link leads to the same settings, without session or token", () => {
  const shown = { ...PARAMETERS, prompt: "a sketch & ink", strength: 0.25, paused: true, pruning: { ...PARAMETERS.pruning, enabled: false, threshold: 4.5 } };
  const link = settingsLink(`${PAGE}?session=studio&seed=9#token=secret`, PRESET, SCHEMA, shown);
  expect(link).toBe(`${PAGE}?prompt=a+sketch+%26+ink&strength=0.25&pruning.enabled=false&pruning.threshold=4.5`);
  expect(readSettingsLink(link, PRESET, SCHEMA)).toEqual({
    changes: { prompt: "a sketch & ink", strength: 0.25, pruning: { enabled: false, threshold: 4.5 } },
    problems: [],
  });
});

it("a second prompt travels with its weight", () => {
  const prompts = [
    { text: "a sketch", weight: 0.75 },
    { text: "neon & rain", weight: 0.25 },
  ];
  const link = settingsLink(PAGE, PRESET, SCHEMA, { ...PARAMETERS, prompt: "a sketch", prompts });
  expect(link).toBe(`${PAGE}?prompt=a+sketch&mix=neon+%26+rain&mix.weight=0.25`);
  expect(readSettingsLink(link, PRESET, SCHEMA)).toEqual({ changes: { prompt: "a sketch", prompts }, problems: [] });
  expect(read("mix=neon").changes.prompts).toEqual([{ text: "no change", weight: 0.5 }, { text: "neon", weight: 0.5 }]);
});

it("steps and the other detector's thresholds travel too", () => {
  expect(read("denoising_steps=400,350&fit=fit&pruning.detector=lipar&pruning.tau=0.3&seed=7&session=studio")).toEqual({
    changes: { denoising_steps: [400, 350], fit: "fit", pruning: { detector: "lipar", tau: 0.3 }, seed: 7 },
    problems: [],
  });
});

it.each([
  ["strength=2", "strength = 2: must be a number from 0 to 1"],
  ["strength=", "strength = : must be a number from 0 to 1"],
  ["seed=1.5", "seed = 1.5: must be a whole number from 0 to 100"],
  ["fit=zoom", "fit = zoom: must be crop or fit"],
  ["pruning.enabled=1", "pruning.enabled = 1: must be true or false"],
  ["prompt=++", "prompt =   : must be a text of 1 to 20 characters"],
  ["denoising_steps=5,9", "denoising_steps = 5,9: must be decreasing whole numbers from 1 to 999, with commas"],
  ["pruning.tau=0.3", 'pruning.tau: only the change detector "lipar" reads it'],
  ["denoising_steps=5&strength=0.5", "denoising_steps: cannot be set together with strength"],
  ["strenght=0.5", "strenght: no such setting"],
  ["paused=true", "paused: no such setting"],
  ["mix.weight=0.3", "mix.weight: has no effect without mix"],
  ["mix=neon&mix.weight=2", "mix.weight = 2: must be a number from 0 to 1"],
  ["pruning=off", "pruning: no such setting"],
])("%s is ignored with a reason, the rest is used", (query, problem) => {
  const { changes, problems } = read(`${query}&pruning.threshold=3`);
  expect(problems).toEqual([problem]);
  expect(changes.pruning).toEqual({ threshold: 3 });
});
