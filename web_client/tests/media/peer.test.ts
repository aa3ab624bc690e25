import { expect, it } from "vitest";
import { downscaleFactor } from "../../src/media/peer";

it("frames are downscaled as far as they still cover the model's size", () => {
  const preset = { width: 256, height: 144 };
  expect(downscaleFactor({ width: 1024, height: 576 }, preset)).toBe(4);
  expect(downscaleFactor({ width: 576, height: 1024 }, preset)).toBe(2.25); // portrait: limited by its width
  expect(downscaleFactor({ width: 128, height: 72 }, preset)).toBe(1);
  expect(downscaleFactor({}, preset)).toBe(1);
});
