import { describe, expect, it } from "vitest";
import { maxLengthOf, rangeOf, toTravel, toValue } from "../src/schema";
import type { Schema } from "../src/protocol";

const schema: Schema = {
  properties: {
    prompt: { type: "string", minLength: 1, maxLength: 2000 },
    strength: { anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { type: "null" }] },
    pruning: { $ref: "#/$defs/Pruning" },
  },
  $defs: { Pruning: { type: "object", properties: { tau: { type: "number", minimum: 0, maximum: 2 }, enabled: { type: "boolean" } } } },
};

describe("ranges", () => {
  it("are found directly, behind a choice with null and behind a reference", () => {
    expect(rangeOf(schema, "strength")).toEqual({ minimum: 0, maximum: 1 });
    expect(rangeOf(schema, "pruning.tau")).toEqual({ minimum: 0, maximum: 2 });
    expect(maxLengthOf(schema, "prompt")).toBe(2000);
  });

  it("are asked for by name where the schema has none", () => {
    expect(() => rangeOf(schema, "pruning.enabled")).toThrow("gives pruning.enabled no range");
    expect(() => rangeOf(schema, "pruning.missing")).toThrow("has no pruning.missing");
    expect(() => maxLengthOf(schema, "strength")).toThrow("maximum length");
  });
});

describe("a slider's travel", () => {
  const range = { minimum: 0, maximum: 2 };

  it.each([1, 2])("maps to the whole range and back, power %i", (power) => {
    expect(toValue(0, range, power)).toBe(0);
    expect(toValue(1, range, power)).toBe(2);
    for (const value of [0.05, 0.149, 1.3]) expect(toValue(toTravel(value, range, power), range, power)).toBeCloseTo(value, 12);
  });

  it("gives small values more of the way when the power is above 1", () => {
    expect(toTravel(0.1, range, 2)).toBeGreaterThan(4 * toTravel(0.1, range, 1));
  });
});
