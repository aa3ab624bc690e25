import { expect, it } from "vitest";
import { timedStages, totalLatency } from "../../src/page/latency_bar";

it("latency stages are in pipeline order, and have a sum", () => {
  const stages = { encode: 4, transport_in: 21.5, model: 60, unknown_stage: 1 };
  expect(timedStages(stages).map(({ label, ms }) => [label, ms])).toEqual([["upload", 21.5], ["model", 60], ["encoding", 4], ["unknown_stage", 1]]);
  expect(totalLatency(stages)).toBe(86.5);
  expect(totalLatency({})).toBeNull();
  expect(totalLatency(undefined)).toBeNull();
});
