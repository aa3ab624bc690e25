import { expect, it } from "vitest";
import { boxBetween, coverage, inverted, maskOf, movedBox, outline, paintLine } from "../../src/session/region";

const rows = ({ width, levels }: { width: number; levels: Uint8Array }): string[] =>
  Array.from({ length: levels.length / width }, (_, row) => [...levels.slice(row * width, (row + 1) * width)].map((level) => (level > 0 ? "#" : ".")).join(""));

it.each([
  ["its middle, to the border", { x: 0.5, y: 0.5 }, { x: 0.1, y: -0.5 }, [0.3, 0, 0.5, 0.4]],
  ["its first corner", { x: 0, y: 0 }, { x: -0.1, y: 0.1 }, [0.1, 0.2, 0.6, 0.3]],
  ["its last corner, beyond the picture", { x: 1, y: 1 }, { x: 0.9, y: 0.1 }, [0.2, 0.1, 0.8, 0.5]],
  ["a corner beyond the opposite one", { x: 1, y: 0 }, { x: -0.9, y: 0.9 }, [0.2, 0.48, 0.02, 0.02]],
])("a box moved by %s", (_name, corner, by, box) => {
  expect(movedBox([0.2, 0.1, 0.5, 0.4], corner, by)).toEqual(box);
});

it.each([
  ["downwards", { x: 0.2, y: 0.1 }, { x: 0.7, y: 0.5 }, [0.2, 0.1, 0.5, 0.4]],
  ["upwards", { x: 0.7, y: 0.5 }, { x: 0.2, y: 0.1 }, [0.2, 0.1, 0.5, 0.4]],
  ["beyond the picture", { x: 0.5, y: 0.5 }, { x: 1.3, y: -0.2 }, [0.5, 0, 0.5, 0.5]],
  ["a click", { x: 0.5, y: 0.5 }, { x: 0.5, y: 0.5 }, null],
  ["in the letterbox", { x: 1.1, y: 0.2 }, { x: 1.4, y: 0.9 }, null],
])("a box dragged %s", (_name, from, to, box) => {
  expect(boxBetween(from, to)).toEqual(box);
});

it("a box as a mask, and an empty mask", () => {
  expect(rows(maskOf([0.25, 0.5, 0.5, 0.5], 4, 4))).toEqual(["....", "....", ".##.", ".##."]);
  expect(coverage(maskOf([0.25, 0.5, 0.5, 0.5], 4, 4))).toBe(0.25);
  expect(coverage(maskOf(null, 4, 4))).toBe(0);
});

it("a brush paints a line that ends round, also across the picture's edge", () => {
  const mask = maskOf(null, 8, 4);
  paintLine(mask, { x: -0.2, y: 0.5 }, { x: 0.5, y: 0.5 }, 0.3, 255);
  expect(rows(mask)).toEqual(["........", "#####...", "#####...", "........"]);
  paintLine(mask, { x: 0, y: 0.5 }, { x: 0.1, y: 0.5 }, 0.3, 0);
  expect(rows(mask)).toEqual(["........", "..###...", "..###...", "........"]);
});

it("an inverted mask has the rest of the picture", () => {
  expect(rows(inverted(maskOf([0.25, 0, 0.5, 1], 4, 1)))).toEqual(["#..#"]);
});

it("the outline is between inside and outside", () => {
  const mask = maskOf([0, 0, 0.5, 0.5], 2, 2);
  expect(outline(mask)).toEqual([
    [{ x: 0.5, y: 0 }, { x: 0.5, y: 0.5 }],
    [{ x: 0, y: 0.5 }, { x: 0.5, y: 0.5 }],
  ]);
  expect(outline(maskOf([0, 0, 1, 1], 2, 2))).toEqual([]);
});
