import { describe, expect, it } from "vitest";
import type { Schema } from "../../src/api/protocol";
import { maxLengthOf, positionOf, rangeOf, valueAt } from "../../src/api/schema";

const schema: Schema = {
  properties: {
    prompt: { type: "string", minLength: 1, maxLength: 2000 },
    strength: { anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { type: "null" }] },
    pruning: { $ref: "#/$defs/Pruning" },
  },
  $defs: { Pruning: { type: "object", properties: { tau: { type: "number", minimum: 0, maximum: 2 }, enabled: { type: "boolean" } } } },
};

describe("ranges", () => {
  it("are found directly, in a nullable type and behind a reference", () => {
    expect(rangeOf(schema, "strength")).toEqual({ minimum: 0, maximum: 1 });
    expect(rangeOf(schema, "pruning.tau")).toEqual({ minimum: 0, maximum: 2 });
    expect(maxLengthOf(schema, "prompt")).toBe(2000);
  });

  it("throw with the parameter's path if the schema has none", () => {
    expect(() => rangeOf(schema, "pruning.enabled")).toThrow("has no range for pruning.enabled");
    expect(() => rangeOf(schema, "pruning.missing")).toThrow("has no pruning.missing");
    expect(() => maxLengthOf(schema, "strength")).toThrow("maximum length");
  });
});

describe("a slider's position", () => {
  const range = { minimum: 0, maximum: 2 };

  it.each([1, 2])("maps to the whole range and back, exponent %i", (exponent) => {
    expect(valueAt(0, range, exponent)).toBe(0);
    expect(valueAt(1, range, exponent)).toBe(2);
    for (const value of [0.05, 0.149, 1.3]) expect(valueAt(positionOf(value, range, exponent), range, exponent)).toBeCloseTo(value, 12);
  });

  it("gives small values more resolution if the exponent is above 1", () => {
    expect(positionOf(0.1, range, 2)).toBeGreaterThan(4 * positionOf(0.1, range, 1));
  });
});
