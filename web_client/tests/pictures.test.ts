import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Stats, Status } from "../src/protocol";
import { Pictures } from "../src/session/pictures";
import type { PicturesState } from "../src/session/pictures";

let pictures: Pictures;
let isVisible = true;
let changes: PicturesState[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  isVisible = true;
  changes = [];
  pictures = new Pictures(
    () => 12,
    () => isVisible,
    () => changes.push(pictures.state),
  );
  pictures.begin();
});

afterEach(() => {
  pictures.end();
  vi.useRealTimers();
});

function say(block: number | null, stats: Partial<Stats> = {}, state: Status["state"] = "live"): void {
  pictures.telemetry({ state, stats: { block, fps_in: 30, fps_out: 24, stage_ms: {}, ...stats } } as Status);
}

/** Telemetry each second; pictures are shown all the while. */
function pass(seconds: number, block: (second: number) => number | null, stats: (second: number) => Partial<Stats> = () => ({}), state?: Status["state"]): void {
  for (let second = 0; second < seconds; second++) {
    say(block(second), stats(second), state);
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(100);
      pictures.shown();
    }
  }
}

it("says within three seconds that no new blocks come, and that they come again", () => {
  pass(5, (second) => 4 * second);
  expect(changes).toEqual([]);
  say(20); // the last one, a moment after
  pass(2, () => 20);
  expect(pictures.state).toBe("still");
  pass(2, (second) => 21 + second);
  expect(changes).toEqual(["still", "coming"]);
});

it("waits for slow blocks as long as they usually take", () => {
  pass(24, (second) => Math.floor(second / 3)); // one in three seconds
  expect(changes.filter((state) => state === "still").length).toBeLessThanOrEqual(1); // before the first two are known
  expect(pictures.state).toBe("coming");
});

it("does not blame the model for a source that gives nothing", () => {
  pass(3, (second) => second);
  pass(10, () => 3, (second) => ({ fps_in: Math.max(0, 20 - 10 * second) }));
  expect(changes).toEqual([]);
});

it("says nothing while paused, nor of what the server says itself", () => {
  pass(3, (second) => second);
  pass(10, () => 3, () => ({}), "paused");
  pass(10, () => 3, () => ({}), "model_restarting");
  expect(changes).toEqual([]);
});

it("notices pictures that the page does not get, unless nobody looks", () => {
  for (let second = 0; second < 4; second++) {
    say(second);
    vi.advanceTimersByTime(1000);
  }
  expect(pictures.state).toBe("still");
  isVisible = false;
  say(5);
  expect(pictures.state).toBe("coming");
});

it("notices that telemetry itself has stopped", () => {
  pass(3, (second) => second);
  vi.advanceTimersByTime(1000); // one message that is lost is no silence
  expect(pictures.state).not.toBe("silent");
  vi.advanceTimersByTime(2000);
  expect(pictures.state).toBe("silent");
});
