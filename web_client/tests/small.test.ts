import { describe, expect, it } from "vitest";
import { FrameMeter } from "../src/frame_meter";
import { inOrder, totalOf } from "../src/latency_bar";
import { excess } from "../src/peer";
import { Playout } from "../src/playout";
import { parseStatus } from "../src/protocol";
import { h264First } from "../src/rtc";
import { sessionName } from "../src/share_link";

describe("the frame meter", () => {
  it("counts over the last two seconds and falls to zero when frames stop", () => {
    const meter = new FrameMeter();
    for (let now = 0; now <= 4000; now += 50) meter.tick(now);
    expect(meter.fps(4000)).toBeCloseTo(20, 0);
    expect(meter.fps(5000)).toBeCloseTo(10, 0);
    expect(meter.fps(7000)).toBe(0);
  });
});

it("offers H264 first and keeps the rest in order", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/AV1", "video/H264"].map((mimeType, i) => ({ mimeType, i }));
  expect(h264First(codecs).map(({ i }) => i)).toEqual([2, 4, 0, 1, 3]);
});

it("sends a picture no larger than what covers the model's", () => {
  const preset = { width: 256, height: 144 };
  expect(excess({ width: 1024, height: 576 }, preset)).toBe(4);
  expect(excess({ width: 576, height: 1024 }, preset)).toBe(2.25); // upright: its width decides
  expect(excess({ width: 128, height: 72 }, preset)).toBe(1);
  expect(excess({}, preset)).toBe(1);
});

describe("playout", () => {
  const report = (jitterBufferDelay: number, frames: number, totalDecodeTime: number): RTCStatsReport =>
    new Map<string, object>([
      ["a", { type: "outbound-rtp", kind: "video" }],
      ["b", { type: "inbound-rtp", kind: "video", jitterBufferDelay, jitterBufferEmittedCount: frames, totalDecodeTime, framesDecoded: frames }],
    ]);

  it("is what buffer and decoder hold a frame for, since the last look", () => {
    const playout = new Playout();
    expect(playout.take(report(0, 0, 0))).toBeNull();
    expect(playout.take(report(0.3, 10, 0.05))).toBeCloseTo(35);
    expect(playout.take(report(0.4, 20, 0.07))).toBeCloseTo(12);
  });

  it("is unknown where no frame came, or the browser does not count", () => {
    const playout = new Playout();
    playout.take(report(0.3, 10, 0.05));
    expect(playout.take(report(0.3, 10, 0.05))).toBeNull();
    expect(playout.take(new Map())).toBeNull();
  });
});

it("latency is shown in the order of the way, with its sum", () => {
  const stages = { encode: 4, transport_in: 21.5, model: 60, brandnew: 1 };
  expect(inOrder(stages).map(({ label, ms }) => [label, ms])).toEqual([["way in", 21.5], ["model", 60], ["encoding", 4], ["brandnew", 1]]);
  expect(totalOf(stages)).toBe(86.5);
  expect(totalOf({})).toBeNull();
  expect(totalOf(undefined)).toBeNull();
});

it("takes telemetry for what it is and passes over what it does not know", () => {
  expect(parseStatus('{"state": "live", "stats": {"block": 3}}')?.stats.block).toBe(3);
  expect(parseStatus('{"type": "news"}')).toBeNull();
  expect(parseStatus("null")).toBeNull();
});

it("the page's address may name its session", () => {
  expect(sessionName("http://127.0.0.1:8000/?session=studio")).toBe("studio");
  expect(sessionName("http://127.0.0.1:8000/")).toBeNull();
});
