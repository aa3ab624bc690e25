import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Unreachable } from "../src/api";
import type { Readiness } from "../src/protocol";
import { ServerWatch } from "../src/server_watch";

let answer: Readiness | null = { ready: true };
let isWaitedFor = false;
let asked = 0;
let becameReady = 0;
let watch: ServerWatch;
const passing = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  [answer, isWaitedFor, asked, becameReady] = [{ ready: true }, false, 0, 0];
  watch = new ServerWatch(
    () => {
      asked++;
      return answer === null ? Promise.reject(new Unreachable(null)) : Promise.resolve(answer);
    },
    () => isWaitedFor,
    { checked: () => undefined, ready: () => becameReady++ },
  );
});

afterEach(() => {
  vi.useRealTimers();
});

it("tells once when the server is ready again, within a second", async () => {
  await watch.check();
  expect(becameReady).toBe(1);
  answer = null;
  await watch.check();
  answer = { ready: false, reason: "loading weights" };
  await passing(1000);
  expect(watch.state).toEqual({ name: "loading", reason: "loading weights" });
  expect(becameReady).toBe(1);
  answer = { ready: true };
  await passing(1000);
  expect(becameReady).toBe(2);
});

it("asks seldom while all is well, and often while somebody waits", async () => {
  await watch.check();
  await passing(10_000);
  expect(asked).toBe(3);
  isWaitedFor = true;
  await passing(5000);
  await passing(5000);
  expect(asked).toBe(9);
});
