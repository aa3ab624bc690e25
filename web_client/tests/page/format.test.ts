import { expect, it } from "vitest";
import { formatNumber, modelStagesText } from "../../src/page/format";

it("missing values are dashes", () => {
  expect(formatNumber(null)).toBe("–");
  expect(formatNumber(0.354, 0, 100)).toBe("35");
  expect(modelStagesText({ encode: 3.25, denoise: 41.2, clean: 2 })).toBe("Model time per block (ms): encode 3.3 · denoise 41 · update memory 2.0");
  expect(modelStagesText(null)).toBe("");
});
