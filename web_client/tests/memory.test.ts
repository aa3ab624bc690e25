import { expect, it } from "vitest";
import { Memory } from "../src/memory";

it("a place is remembered once, and nonsense is none", () => {
  const kept = new Map<string, string>();
  const memory = new Memory({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  });
  for (const ended of [false, true]) {
    memory.keep({ place: { id: "a", token: "b", view_token: "c" }, kind: "screen", ended });
    expect(memory.take()).toEqual({ place: { id: "a", token: "b", view_token: "c" }, kind: "screen", ended });
  }
  expect(memory.take()).toBeNull();
  for (const text of ["{", "null", '{"place": {"id": 3}, "kind": "screen"}']) {
    kept.set("lipar-session", text);
    expect(memory.take()).toBeNull();
  }
});

