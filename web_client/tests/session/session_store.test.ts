import { expect, it } from "vitest";
import { SessionStore } from "../../src/session/session_store";

it("a session is restored once; invalid entries are ignored", () => {
  const entries = new Map<string, string>();
  const store = new SessionStore({
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: (key) => void entries.delete(key),
  });
  for (const ended of [false, true]) {
    store.save({ credentials: { id: "a", token: "b", view_token: "c" }, sourceKind: "screen", ended });
    expect(store.take()).toEqual({ credentials: { id: "a", token: "b", view_token: "c" }, sourceKind: "screen", ended });
  }
  expect(store.take()).toBeNull();
  for (const text of ["{", "null", '{"credentials": {"id": 3}, "sourceKind": "screen"}']) {
    entries.set("lipar-session", text);
    expect(store.take()).toBeNull();
  }
});

