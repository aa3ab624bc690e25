import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Stats, SessionStatus } from "../../src/api/protocol";
import { FrameMonitor } from "../../src/session/frame_monitor";
import type { FramesState } from "../../src/session/frame_monitor";

let monitor: FrameMonitor;
let isVisible = true;
let changes: FramesState[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  isVisible = true;
  changes = [];
  monitor = new FrameMonitor(
    () => 12,
    () => isVisible,
    () => changes.push(monitor.state),
  );
  monitor.start();
});

afterEach(() => {
  monitor.stop();
  vi.useRealTimers();
});

function sendTelemetry(block: number | null, stats: Partial<Stats> = {}, state: SessionStatus["state"] = "live"): void {
  monitor.telemetry({ state, stats: { block, fps_in: 30, fps_out: 24, stage_ms: {}, ...stats } } as SessionStatus);
}

/** Telemetry each second; frames are shown all the time. */
function advanceSeconds(seconds: number, block: (second: number) => number | null, stats: (second: number) => Partial<Stats> = () => ({}), state?: SessionStatus["state"]): void {
  for (let second = 0; second < seconds; second++) {
    sendTelemetry(block(second), stats(second), state);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(100);
      monitor.frameShown();
    }
  }
}

it("detects within three seconds that new blocks stop, and that they resume", () => {
  advanceSeconds(5, (second) => 4 * second);
  expect(changes).toEqual([]);
  sendTelemetry(20); // the last block, shortly after
  advanceSeconds(2, () => 20);
  expect(monitor.state).toBe("stalled");
  advanceSeconds(2, (second) => 21 + second);
  expect(changes).toEqual(["stalled", "flowing"]);
});

it("adapts to the usual interval of slow blocks", () => {
  advanceSeconds(24, (second) => Math.floor(second / 3)); // one per three seconds
  expect(changes.filter((state) => state === "stalled").length).toBeLessThanOrEqual(1); // before the first interval is known
  expect(monitor.state).toBe("flowing");
});

it("is not stalled when the source stops", () => {
  advanceSeconds(3, (second) => second);
  advanceSeconds(10, () => 3, (second) => ({ fps_in: Math.max(0, 20 - 10 * second) }));
  expect(changes).toEqual([]);
});

it("is not stalled while paused, or in a state that the server reports itself", () => {
  advanceSeconds(3, (second) => second);
  advanceSeconds(10, () => 3, () => ({}), "paused");
  advanceSeconds(10, () => 3, () => ({}), "model_restarting");
  expect(changes).toEqual([]);
});

it("detects missing frames, except on a hidden page", () => {
  for (let second = 0; second < 4; second++) {
    sendTelemetry(second);
    vi.advanceTimersByTime(1000);
  }
  expect(monitor.state).toBe("stalled");
  isVisible = false;
  sendTelemetry(5);
  expect(monitor.state).toBe("flowing");
});

it("detects missing telemetry", () => {
  advanceSeconds(3, (second) => second);
  vi.advanceTimersByTime(1000); // a single message may be lost
  expect(monitor.state).not.toBe("no_telemetry");
  vi.advanceTimersByTime(2000);
  expect(monitor.state).toBe("no_telemetry");
});
