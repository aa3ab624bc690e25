import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiClient, ApiError, ServerUnreachable } from "../../src/api/client";

const api = new ApiClient();
const respond = (status: number, body: string): void => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.resolve(new Response(body, { status }))));
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("an error response", () => {
  it("has the server's reason and the parameter's path", async () => {
    respond(422, '{"detail": {"message": "strength = 2: must be >= 0 and <= 1", "path": "strength"}}');
    const error: unknown = await api.update({ id: "x", token: "t" }, { strength: 2 }, new AbortController().signal).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, message: "strength = 2: must be >= 0 and <= 1", path: "strength" });
  });

  it("of a proxy is reported by its status", async () => {
    respond(502, "<html>Bad gateway</html>");
    await expect(api.preset()).rejects.toMatchObject({ status: 502 });
  });
});

it("a missing response is a separate error", async () => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.reject(new TypeError("Failed to fetch"))));
  await expect(api.preset()).rejects.toBeInstanceOf(ServerUnreachable);
});

it("the readiness has its reason", async () => {
  respond(503, '{"ready": false, "reason": "loading the weights"}');
  expect(await api.readiness()).toEqual({ ready: false, reason: "loading the weights", loading_s: null });
  respond(200, '{"ready": true, "reason": ""}');
  expect(await api.readiness()).toEqual({ ready: true });
});

it("deleting an ended session succeeds, and the request outlives the page", async () => {
  respond(404, '{"detail": {"message": "not known"}}');
  await api.deleteSession({ id: "x", token: "t" });
  expect(vi.mocked(fetch).mock.calls[0]?.[1]).toMatchObject({ method: "DELETE", keepalive: true });
});

it("URLs are relative, and each request has its own bearer token", async () => {
  const urlAndAuthorization = (call: number): unknown => {
    const [url, request] = vi.mocked(fetch).mock.calls[call] ?? [];
    return [url, new Headers(request?.headers).get("Authorization")];
  };
  respond(200, "{}");
  const client = new ApiClient();
  await client.preset();
  client.token = "server-token";
  await client.preset();
  await client.session({ id: "x", token: "session-token" });
  expect([urlAndAuthorization(0), urlAndAuthorization(1), urlAndAuthorization(2)]).toEqual([
    ["api/v1/preset", null],
    ["api/v1/preset", "Bearer server-token"],
    ["api/v1/sessions/x", "Bearer session-token"],
  ]);
});
