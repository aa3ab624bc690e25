import { beforeEach, expect, it } from "vitest";
import { KeyMap } from "../../src/session/key_map";

const DEFAULTS = { start: "s", help: "?" };
let stored: Map<string, string>;

function keyMap(): KeyMap<keyof typeof DEFAULTS> {
  return new KeyMap(DEFAULTS, {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, value) => void stored.set(name, value),
    removeItem: (name) => void stored.delete(name),
  });
}

beforeEach(() => {
  stored = new Map();
});

it("starts with the defaults, in either case", () => {
  expect(keyMap().actionOf("S")).toBe("start");
  expect(keyMap().actionOf("?")).toBe("help");
  expect(keyMap().actionOf("q")).toBeNull();
});

it("remembers a changed key, which another action loses", () => {
  expect(keyMap().assign("help", "s")).toBe(true);
  expect(keyMap().actionOf("s")).toBe("help");
  expect(keyMap().keyOf("start")).toBe("");
  expect(keyMap().actionOf("")).toBeNull();
  keyMap().reset();
  expect(keyMap().keyOf("start")).toBe("s");
});

it.each(["1", "Enter", " ", "ArrowLeft"])("keeps %j for its other use", (key) => {
  expect(keyMap().assign("start", key)).toBe(false);
  expect(keyMap().keyOf("start")).toBe("s");
});

it.each(["{", "null", "[1]", '{"start": 5}'])("ignores what is stored as %s", (text) => {
  stored.set("lipar-keys", text);
  expect(keyMap().keyOf("start")).toBe("s");
});
