import { expect, it } from "vitest";
import { fittedSize } from "../../src/media/picture_size";

const SHAPE = { width: 160, height: 90 };

it("a picture of another shape is cropped, shown whole, or stretched", () => {
  const square = { width: 40, height: 40 };
  expect(fittedSize(square, SHAPE, "crop")).toEqual({ width: 160, height: 160 });
  expect(fittedSize(square, SHAPE, "fit")).toEqual({ width: 90, height: 90 });
  expect(fittedSize(square, SHAPE, "stretch")).toEqual(SHAPE);
});

it("a picture of the same shape is only scaled", () => {
  for (const fit of ["crop", "fit", "stretch"] as const) expect(fittedSize({ width: 320, height: 180 }, SHAPE, fit)).toEqual(SHAPE);
});
