import { describe, expect, it } from "vitest";
import { FrameMeter } from "../src/frame_meter";
import { excess } from "../src/peer";
import { parseStatus } from "../src/protocol";
import { h264First } from "../src/rtc";

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

it("takes telemetry for what it is and passes over what it does not know", () => {
  expect(parseStatus('{"state": "live", "stats": {"block": 3}}')?.stats.block).toBe(3);
  expect(parseStatus('{"type": "news"}')).toBeNull();
  expect(parseStatus("null")).toBeNull();
});
