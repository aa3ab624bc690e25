import { expect, it } from "vitest";
import { SavedPrompts } from "../../src/session/saved_prompts";

it("a prompt is saved once and removed by the same action", () => {
  const stored = new Map<string, string>();
  const storage = { getItem: (name: string) => stored.get(name) ?? null, setItem: (name: string, value: string) => void stored.set(name, value) };
  const saved = new SavedPrompts(storage);
  for (const prompt of ["a sketch", " pop art ", "  "]) saved.toggle(prompt);
  expect(new SavedPrompts(storage).prompts).toEqual(["a sketch", "pop art"]);
  expect(saved.has("pop art ")).toBe(true);
  saved.toggle("a sketch ");
  expect(saved.prompts).toEqual(["pop art"]);
  for (let i = 0; i < 110; i++) saved.toggle(`prompt ${i}`);
  expect(saved.prompts).toHaveLength(100);
  expect(saved.has("pop art")).toBe(false); // the oldest made room
  stored.set("lipar-saved-prompts", '{"a": 1}');
  expect(saved.prompts).toEqual([]);
});
