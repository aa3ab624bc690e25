import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ServerUnreachable } from "../../src/api/client";
import type { Readiness } from "../../src/api/protocol";
import { LoadingTime } from "../../src/session/loading_time";
import { ServerMonitor } from "../../src/session/server_monitor";

let readiness: Readiness | null = { ready: true };
let isServerNeeded = false;
let requests = 0;
let becameReady = 0;
let monitor: ServerMonitor;
const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  readiness = { ready: true };
  isServerNeeded = false;
  requests = 0;
  becameReady = 0;
  monitor = new ServerMonitor(
    () => {
      requests++;
      return readiness === null ? Promise.reject(new ServerUnreachable(null)) : Promise.resolve(readiness);
    },
    () => isServerNeeded,
    { checked: () => undefined, ready: () => becameReady++ },
    new LoadingTime({ getItem: () => null, setItem: () => undefined }),
  );
});

afterEach(() => {
  vi.useRealTimers();
});

it("reports once, within a second, that the server is ready again", async () => {
  await monitor.check();
  expect(becameReady).toBe(1);
  readiness = null;
  await monitor.check();
  readiness = { ready: false, reason: "loading weights", loading_s: 5 };
  await advance(1000);
  expect(monitor.state).toEqual({ name: "loading", reason: "loading weights", progress: { elapsed_s: 5, left_s: null } });
  expect(becameReady).toBe(1);
  readiness = { ready: true };
  await advance(1000);
  expect(becameReady).toBe(2);
});

it("polls at the longer interval while ready, and at the shorter while needed", async () => {
  await monitor.check();
  await advance(10_000);
  expect(requests).toBe(3);
  isServerNeeded = true;
  await advance(5000);
  await advance(5000);
  expect(requests).toBe(9);
});
