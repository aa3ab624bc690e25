import { expect, it } from "vitest";
import { fitFor, parseSize, sizeFor } from "../../src/media/picture_size";

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

it("a source of the other orientation is shown whole where the preset has no such size", () => {
  const single = { width: 832, height: 480, sizes: ["832x480"] };
  expect(fitFor({ width: 480, height: 640 }, single)).toEqual({ fit: "fit" });
  expect(fitFor({ width: 640, height: 480 }, single)).toEqual({});
  expect(fitFor({ width: 480, height: 640 }, LANDSCAPE)).toEqual({});
});

it("sizes are width x height", () => {
  expect(parseSize("240x416")).toEqual({ width: 240, height: 416 });
});
