import { afterEach, describe, expect, it, vi } from "vitest";
import { Api, Refused, Unreachable } from "../src/api";

const api = new Api();
const answer = (status: number, body: string): void => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.resolve(new Response(body, { status }))));
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a refusal", () => {
  it("carries the server's reason and the parameter's path", async () => {
    answer(422, '{"detail": {"message": "strength = 2: must be >= 0 and <= 1", "path": "strength"}}');
    const error: unknown = await api.update({ id: "x", token: "t" }, { strength: 2 }, new AbortController().signal).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ status: 422, message: "strength = 2: must be >= 0 and <= 1", path: "strength" });
  });

  it("of something else than the server is told by its status", async () => {
    answer(502, "<html>Bad gateway</html>");
    await expect(api.preset()).rejects.toMatchObject({ status: 502 });
  });
});

it("no answer is an error of its own", async () => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.reject(new TypeError("Failed to fetch"))));
  await expect(api.preset()).rejects.toBeInstanceOf(Unreachable);
});

it("the readiness comes with its reason", async () => {
  answer(503, '{"ready": false, "reason": "loading the weights"}');
  expect(await api.readiness()).toEqual({ ready: false, reason: "loading the weights" });
  answer(200, '{"ready": true, "reason": ""}');
  expect(await api.readiness()).toEqual({ ready: true });
});

it("a session that has ended already is deleted without complaint, and the request outlives the page", async () => {
  answer(404, '{"detail": {"message": "not known"}}');
  await api.deleteSession({ id: "x", token: "t" });
  expect(vi.mocked(fetch).mock.calls[0]?.[1]).toMatchObject({ method: "DELETE", keepalive: true });
});

it("addresses are relative, and each request bears the token that it is for", async () => {
  const bearer = (call: number): unknown => {
    const [address, request] = vi.mocked(fetch).mock.calls[call] ?? [];
    return [address, new Headers(request?.headers).get("Authorization")];
  };
  answer(200, "{}");
  const own = new Api();
  await own.preset();
  own.token = "the-server-s";
  await own.preset();
  await own.session({ id: "x", token: "the-session-s" });
  expect([bearer(0), bearer(1), bearer(2)]).toEqual([
    ["api/v1/preset", null],
    ["api/v1/preset", "Bearer the-server-s"],
    ["api/v1/sessions/x", "Bearer the-session-s"],
  ]);
});
