import { describe, expect, it } from "vitest";
import { FrameMeter } from "../src/frame_meter";
import { h264First } from "../src/peer";
import { parseStatus } from "../src/protocol";

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

it("takes telemetry for what it is and passes over what it does not know", () => {
  expect(parseStatus('{"state": "live", "stats": {"block": 3}}')?.stats.block).toBe(3);
  expect(parseStatus('{"type": "news"}')).toBeNull();
  expect(parseStatus("null")).toBeNull();
});
