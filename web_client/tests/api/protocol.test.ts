import { expect, it } from "vitest";
import { parseStatus } from "../../src/api/protocol";

it("parses telemetry and ignores other messages", () => {
  expect(parseStatus('{"state": "live", "stats": {"block": 3}}')?.stats.block).toBe(3);
  expect(parseStatus('{"type": "other"}')).toBeNull();
  expect(parseStatus("null")).toBeNull();
});
