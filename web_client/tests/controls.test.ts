import { expect, it } from "vitest";
import { applied } from "../src/controls";
import type { Ack } from "../src/protocol";

const ack = (paused: boolean, pending: boolean): Ack => ({ block: 7, pending, parameters: { paused } }) as Ack;

it("a note says when a change takes effect", () => {
  expect(applied("strength", ack(false, false))).toBe("Applied at block 7");
  expect(applied("strength", ack(true, true))).toBe("Applies at block 7, after the pause");
  expect(applied("paused", ack(true, true))).toBe("Paused before block 7");
  expect(applied("paused", ack(false, false))).toBe("Applied at block 7");
});
