import { expect, it } from "vitest";
import type { Stats } from "../../src/api/protocol";
import { canStart, currentStats, isRunning } from "../../src/page/page_state";
import type { PageState } from "../../src/page/page_state";
import { idle, status } from "./page_fixture";

it("stats are shown only while frames arrive", () => {
  const live: PageState = { ...idle, stream: { name: "live" }, status: { ...status("live"), stats: { block: 3 } as Stats } };
  expect(currentStats(live)?.block).toBe(3);
  for (const change of [{ frames: "stalled" } as const, { frames: "no_telemetry" } as const, { stream: { name: "connecting" } as const }, { status: status("model_restarting") }]) {
    expect(currentStats({ ...live, ...change })).toBeNull();
  }
});

it("Start is enabled when it can work, Stop always", () => {
  expect(canStart(idle)).toBe(true);
  for (const access of ["unknown", "token_required", "viewer"] as const) expect(canStart({ ...idle, access })).toBe(false);
  expect(canStart({ ...idle, presetLoaded: false })).toBe(false);
  expect(canStart({ ...idle, isSecure: false })).toBe(false);
  expect(canStart({ ...idle, sourceKind: "file", isSourceChosen: false })).toBe(false);
  expect(canStart({ ...idle, isSecure: false, sourceKind: "file" })).toBe(true);
  expect(canStart({ ...idle, server: { name: "loading", progress: null, reason: "x" } })).toBe(false);
  expect(canStart({ ...idle, server: { name: "unreachable" }, stream: { name: "reconnecting", reason: "x", attempt: 1 } })).toBe(true);
  expect(isRunning({ name: "connecting" })).toBe(true);
});
