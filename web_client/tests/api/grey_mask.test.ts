import { expect, it } from "vitest";
import { decodeMask, encodeMask } from "../../src/api/grey_mask";

it("a mask is the text that the server reads", async () => {
  const mask = { width: 3, height: 2, levels: Uint8Array.from([0, 128, 255, 255, 0, 0]) };
  const text = await encodeMask(mask);
  expect(text).toMatch(/^3x2:[A-Za-z0-9+/]+=*$/);
  expect(await decodeMask(text)).toEqual(mask);
});

it("reads a mask that the server has written", async () => {
  expect(await decodeMask("2x1:eNr7zwAAAgABAA==")).toEqual({ width: 2, height: 1, levels: Uint8Array.from([255, 0]) });
});
