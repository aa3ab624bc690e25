import { expect, it } from "vitest";
import { parseSize, sizeFor } from "../../src/media/picture_size";

const LANDSCAPE = { width: 416, height: 240, sizes: ["416x240", "240x416"] };
const PORTRAIT = { ...LANDSCAPE, width: 240, height: 416 };

it("a source of the other orientation requests the preset's size turned", () => {
  expect(sizeFor({ width: 480, height: 640 }, LANDSCAPE)).toEqual({ size: "240x416" });
  expect(sizeFor({ width: 640, height: 480 }, PORTRAIT)).toEqual({ size: "416x240" });
});

it("other sources get the server's own size", () => {
  expect(sizeFor({ width: 640, height: 480 }, LANDSCAPE)).toEqual({});
  expect(sizeFor({ width: 480, height: 640 }, PORTRAIT)).toEqual({});
  expect(sizeFor({ width: 500, height: 500 }, LANDSCAPE)).toEqual({});
  expect(sizeFor({}, LANDSCAPE)).toEqual({});
});

it("a preset without that size is used unchanged", () => {
  expect(sizeFor({ width: 480, height: 640 }, { width: 832, height: 480, sizes: ["832x480"] })).toEqual({});
});

it("sizes are width x height", () => {
  expect(parseSize("240x416")).toEqual({ width: 240, height: 416 });
});
