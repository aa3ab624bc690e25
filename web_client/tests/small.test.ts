import { describe, expect, it } from "vitest";
import { FrameRateMeter } from "../src/media/frame_rate_meter";
import { timedStages, totalLatency } from "../src/page/latency_bar";
import { downscaleFactor } from "../src/media/peer";
import { PlayoutDelayMeter } from "../src/media/playout_delay_meter";
import { parseStatus } from "../src/api/protocol";
import { preferH264 } from "../src/media/rtc";
import { sessionName } from "../src/session/watch_link";

describe("the frame meter", () => {
  it("counts over the last two seconds and falls to zero when frames stop", () => {
    const meter = new FrameRateMeter();
    for (let now = 0; now <= 4000; now += 50) meter.addFrame(now);
    expect(meter.fps(4000)).toBeCloseTo(20, 0);
    expect(meter.fps(5000)).toBeCloseTo(10, 0);
    expect(meter.fps(7000)).toBe(0);
  });
});

it("offers H.264 first and keeps the order of the other codecs", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/AV1", "video/H264"].map((mimeType, i) => ({ mimeType, i }));
  expect(preferH264(codecs).map(({ i }) => i)).toEqual([2, 4, 0, 1, 3]);
});

it("frames are downscaled as far as they still cover the model's size", () => {
  const preset = { width: 256, height: 144 };
  expect(downscaleFactor({ width: 1024, height: 576 }, preset)).toBe(4);
  expect(downscaleFactor({ width: 576, height: 1024 }, preset)).toBe(2.25); // portrait: limited by its width
  expect(downscaleFactor({ width: 128, height: 72 }, preset)).toBe(1);
  expect(downscaleFactor({}, preset)).toBe(1);
});

describe("the playout delay meter", () => {
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
});

it("latency stages are in pipeline order, and have a sum", () => {
  const stages = { encode: 4, transport_in: 21.5, model: 60, unknown_stage: 1 };
  expect(timedStages(stages).map(({ label, ms }) => [label, ms])).toEqual([["upload", 21.5], ["model", 60], ["encoding", 4], ["unknown_stage", 1]]);
  expect(totalLatency(stages)).toBe(86.5);
  expect(totalLatency({})).toBeNull();
  expect(totalLatency(undefined)).toBeNull();
});

it("parses telemetry and ignores other messages", () => {
  expect(parseStatus('{"state": "live", "stats": {"block": 3}}')?.stats.block).toBe(3);
  expect(parseStatus('{"type": "other"}')).toBeNull();
  expect(parseStatus("null")).toBeNull();
});

it("the page's address may contain a session id", () => {
  expect(sessionName("http://127.0.0.1:8000/?session=studio")).toBe("studio");
  expect(sessionName("http://127.0.0.1:8000/")).toBeNull();
});
