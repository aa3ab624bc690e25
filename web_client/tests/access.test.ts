import { beforeEach, expect, it } from "vitest";
import type { Access } from "../src/protocol";
import { PageAccess, tokenOf } from "../src/session/access";

const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};
const server = {
  roles: {} as Record<string, Access>, // by token
  token: null as string | null,
  access(): Promise<Access> {
    return Promise.resolve(this.roles[this.token ?? ""] ?? { role: "none", session: null, token_required: true });
  },
};
const make = (): PageAccess => new PageAccess(server, storage, () => undefined);

beforeEach(() => {
  kept.clear();
  server.token = null;
  server.roles = {
    boss: { role: "admin", session: null, token_required: true },
    maker: { role: "editor", session: null, token_required: true },
    eye: { role: "viewer", session: null, token_required: true },
    one: { role: "editor", session: "s1", token_required: true },
  };
});

it("asks for a token once, and keeps it for the tab", async () => {
  const access = make();
  await access.check();
  expect(access.state).toEqual({ name: "asked", isWrong: false });
  await access.enter("guess");
  expect([access.state, server.token, kept.size]).toEqual([{ name: "asked", isWrong: true }, null, 0]);
  await access.enter("boss");
  expect(access.state).toEqual({ name: "given", role: "admin" });
  const reloaded = make();
  expect(server.token).toBe("boss");
  await reloaded.check();
  expect(reloaded.state).toEqual({ name: "given", role: "admin" });
});

it("asks for none where none is needed", async () => {
  server.roles[""] = { role: "admin", session: null, token_required: false };
  const access = make();
  await access.check();
  expect(access.state.name).toBe("given");
});

it("drops a token of another server where none is needed", async () => {
  server.roles[""] = { role: "admin", session: null, token_required: false };
  server.roles.old = { role: "none", session: null, token_required: false };
  const access = make();
  await access.enter("old");
  expect([access.state.name, server.token, kept.size]).toEqual(["given", null, 0]);
});

it.each([
  ["maker", "given"],
  ["eye", "viewer"],
  ["one", "viewer"],
])("the token %s makes the page: %s", async (token, name) => {
  const access = make();
  await access.enter(token);
  expect(access.state.name).toBe(name);
});

it("asks again when the server knows the token no more", async () => {
  const access = make();
  await access.enter("boss");
  access.refused();
  expect([access.state, kept.size]).toEqual([{ name: "asked", isWrong: true }, 0]);
});

it("takes a token from the fragment, and from nowhere else; the address keeps neither", () => {
  expect(tokenOf("https://host/lipar/#token=a%20b")).toEqual({ token: "a b", rest: "https://host/lipar/" });
  expect(tokenOf("https://host/?token=x&a=1")).toEqual({ token: null, rest: "https://host/?a=1" });
  expect(tokenOf("https://host/#token=").token).toBeNull();
});
