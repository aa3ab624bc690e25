import { expect, it } from "vitest";
import { pillOf } from "../../src/page/pill";
import { idle, status } from "./page_fixture";

it("the pill follows server, session and telemetry", () => {
  expect(pillOf(idle).text).toBe("Ready");
  expect(pillOf({ ...idle, access: "token_required" }).text).toBe("Token needed");
  expect(pillOf({ ...idle, access: "viewer" }).text).toBe("Watching only");
  expect(pillOf({ ...idle, server: { name: "unreachable" } }).text).toBe("No server");
  expect(pillOf({ ...idle, stream: { name: "opening", kind: "screen" } }).text).toBe("Asking for the screen…");
  expect(pillOf({ ...idle, stream: { name: "live" } }).text).toContain("first picture");
  expect(pillOf({ ...idle, stream: { name: "live" }, isPaused: true, status: status("paused") }).text).toBe("Paused");
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("live") })).toEqual({ text: "Live", tone: "success" });
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("paused"), isPaused: false }).text).toBe("Live"); // telemetry sent before the acknowledgement
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("stalled") }).text).toBe("No new pictures");
});
