import { expect, it } from "vitest";
import { framePoint } from "../../src/page/stage_layer";

const frame = { left: 100, top: 40, width: 400, height: 200 }; // 100 px of letterbox at its left

it.each([
  ["the left top corner", 100, 40, false, { x: 0, y: 0 }],
  ["a point of the picture", 200, 90, false, { x: 0.25, y: 0.25 }],
  ["the same, mirrored", 200, 90, true, { x: 0.75, y: 0.25 }],
  ["the letterbox", 50, 240, false, { x: -0.125, y: 1 }],
  ["the letterbox, mirrored", 50, 240, true, { x: 1.125, y: 1 }],
])("%s", (_name, clientX, clientY, isMirrored, point) => {
  expect(framePoint({ clientX, clientY }, frame, isMirrored)).toEqual(point);
});
