import { expect, it } from "vitest";
import { FrameRateMeter } from "../../src/media/frame_rate_meter";

it("counts over the last two seconds and falls to zero when frames stop", () => {
  const meter = new FrameRateMeter();
  for (let now = 0; now <= 4000; now += 50) meter.addFrame(now);
  expect(meter.fps(4000)).toBeCloseTo(20, 0);
  expect(meter.fps(5000)).toBeCloseTo(10, 0);
  expect(meter.fps(7000)).toBe(0);
});
