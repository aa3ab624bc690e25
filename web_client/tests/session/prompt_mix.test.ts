import { expect, it } from "vitest";
import { applyChanges, hasPath, mergeChanges } from "../../src/session/parameters";
import { promptChanges, secondPrompt } from "../../src/session/prompt_mix";
import { PARAMETERS } from "./stream_fixture";

const NEON = { text: "neon", weight: 0.25 };

it("the second prompt of a mix has its ratio of both weights", () => {
  expect(secondPrompt(PARAMETERS)).toBeNull();
  expect(secondPrompt({ prompts: [{ text: "a", weight: 1 }] })).toBeNull();
  expect(secondPrompt({ prompts: [{ text: "a", weight: 0.6 }, { text: "b", weight: 0.2 }] })).toEqual({ text: "b", weight: 0.25 });
});

it("a change of either prompt keeps the other one, as the server applies it", () => {
  const mixed = applyChanges(PARAMETERS, promptChanges("a", NEON));
  expect([mixed.prompt, secondPrompt(mixed)]).toEqual(["a", NEON]);
  expect(applyChanges(mixed, promptChanges("a", null)).prompts).toBeNull();
  expect(applyChanges(mixed, { prompt: "b" })).toMatchObject({ prompt: "b", prompts: null });
  expect(applyChanges(PARAMETERS, { prompts: [{ text: "b", weight: 1 }] }).prompt).toBe("b");
  expect(applyChanges(mixed, { seed: 3 }).prompts).toEqual(mixed.prompts);
});

it("of merged changes the newer prompt is in force alone", () => {
  const mix = { prompts: [{ text: "a", weight: 1 }] };
  expect(mergeChanges(mix, { prompt: "b" })).toEqual({ prompt: "b", prompts: null });
  expect(mergeChanges({ prompt: "b" }, mix)).toEqual({ prompt: "a", ...mix });
  expect(mergeChanges({ prompt: "b" }, { seed: 3 })).toEqual({ prompt: "b", seed: 3 });
});

it("a rejected item of a list belongs to the change with the list", () => {
  expect(hasPath({ prompts: null }, "prompts[1].text")).toBe(true);
  expect(hasPath({ seed: 3 }, "prompts[1].text")).toBe(false);
});
