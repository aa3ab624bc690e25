import { expect, it } from "vitest";
import { PromptHistory } from "../../src/session/prompt_history";

it("keeps the newest prompts, each once", () => {
  const stored = new Map<string, string>();
  const storage = { getItem: (name: string) => stored.get(name) ?? null, setItem: (name: string, value: string) => void stored.set(name, value) };
  const history = new PromptHistory(storage);
  for (const prompt of ["a", "b", " a ", " "]) history.add(prompt);
  expect(new PromptHistory(storage).prompts).toEqual(["a", "b"]);
  for (let i = 0; i < 60; i++) history.add(`prompt ${i}`);
  expect(history.prompts).toHaveLength(50);
  expect(history.prompts[0]).toBe("prompt 59");
  stored.set("lipar-prompts", '{"a": 1}');
  expect(history.prompts).toEqual([]);
});
