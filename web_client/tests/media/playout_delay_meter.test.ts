import { expect, it } from "vitest";
import { PlayoutDelayMeter } from "../../src/media/playout_delay_meter";

const report = (jitterBufferDelay: number, frames: number, totalDecodeTime: number): RTCStatsReport =>
  new Map<string, object>([
    ["a", { type: "outbound-rtp", kind: "video" }],
    ["b", { type: "inbound-rtp", kind: "video", jitterBufferDelay, jitterBufferEmittedCount: frames, totalDecodeTime, framesDecoded: frames }],
  ]);

it("is the mean time in jitter buffer and decoder since the last call", () => {
  const meter = new PlayoutDelayMeter();
  expect(meter.measure(report(0, 0, 0))).toBeNull();
  expect(meter.measure(report(0.3, 10, 0.05))).toBeCloseTo(35);
  expect(meter.measure(report(0.4, 20, 0.07))).toBeCloseTo(12);
});

it("is unknown if no frame came, or the browser has no such counters", () => {
  const meter = new PlayoutDelayMeter();
  meter.measure(report(0.3, 10, 0.05));
  expect(meter.measure(report(0.3, 10, 0.05))).toBeNull();
  expect(meter.measure(new Map())).toBeNull();
});
