import { expect, it } from "vitest";

import { maskPixels } from "../../src/page/overlay";
import { speedUpText } from "../../src/page/pruning_effect";

it("computed tokens are orange, reused ones blue, both translucent", () => {
  expect([...maskPixels(Uint8Array.of(1, 0))]).toEqual([255, 120, 0, 77, 0, 120, 255, 77]);
});

it("the speed-up has a decimal below ten, and may not be known yet", () => {
  expect(speedUpText(1.62)).toBe("Estimated: 1.6 times as fast as recomputing everything");
  expect(speedUpText(12.4)).toContain("12 times");
  expect(speedUpText(null)).toBe("How much faster it is will be known in a moment");
});
