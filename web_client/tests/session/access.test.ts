import { beforeEach, expect, it } from "vitest";
import type { Access } from "../../src/api/protocol";
import { extractToken, PageAccess } from "../../src/session/access";

const stored = new Map<string, string>();
const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};
const server = {
  roles: {} as Record<string, Access>, // by token
  token: null as string | null,
  access(): Promise<Access> {
    return Promise.resolve(this.roles[this.token ?? ""] ?? { role: "none", session: null, token_required: true });
  },
};
const newAccess = (): PageAccess => new PageAccess(server, storage, () => undefined);

beforeEach(() => {
  stored.clear();
  server.token = null;
  server.roles = {
    admin_token: { role: "admin", session: null, token_required: true },
    editor_token: { role: "editor", session: null, token_required: true },
    viewer_token: { role: "viewer", session: null, token_required: true },
    session_token: { role: "editor", session: "s1", token_required: true },
  };
});

it("requires a token once, and keeps it for the tab", async () => {
  const access = newAccess();
  await access.check();
  expect(access.state).toEqual({ name: "token_required", isWrong: false });
  await access.tryToken("guess");
  expect([access.state, server.token, stored.size]).toEqual([{ name: "token_required", isWrong: true }, null, 0]);
  await access.tryToken("admin_token");
  expect(access.state).toEqual({ name: "granted", role: "admin" });
  const reloaded = newAccess();
  expect(server.token).toBe("admin_token");
  await reloaded.check();
  expect(reloaded.state).toEqual({ name: "granted", role: "admin" });
});

it("requires no token if the server has none", async () => {
  server.roles[""] = { role: "admin", session: null, token_required: false };
  const access = newAccess();
  await access.check();
  expect(access.state.name).toBe("granted");
});

it("removes a token of another server if none is needed", async () => {
  server.roles[""] = { role: "admin", session: null, token_required: false };
  server.roles.other_token = { role: "none", session: null, token_required: false };
  const access = newAccess();
  await access.tryToken("other_token");
  expect([access.state.name, server.token, stored.size]).toEqual(["granted", null, 0]);
});

it.each([
  ["editor_token", "granted"],
  ["viewer_token", "viewer"],
  ["session_token", "viewer"],
])("the token %s leads to: %s", async (token, name) => {
  const access = newAccess();
  await access.tryToken(token);
  expect(access.state.name).toBe(name);
});

it("requires a token again when the server rejects it", async () => {
  const access = newAccess();
  await access.tryToken("admin_token");
  access.rejectToken();
  expect([access.state, stored.size]).toEqual([{ name: "token_required", isWrong: true }, 0]);
});

it("a token is taken only from the fragment, and removed from the address", () => {
  expect(extractToken("https://host/lipar/#token=a%20b")).toEqual({ token: "a b", addressWithoutToken: "https://host/lipar/" });
  expect(extractToken("https://host/?token=x&a=1")).toEqual({ token: null, addressWithoutToken: "https://host/?a=1" });
  expect(extractToken("https://host/#token=").token).toBeNull();
});
