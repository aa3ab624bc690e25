import { describe, expect, it } from "vitest";
import type { Schema } from "../../src/api/protocol";
import { maxLengthOf, parameterSpecs, positionOf, valueAt } from "../../src/api/schema";

const schema: Schema = {
  $ref: "#/$defs/Parameters",
  $defs: {
    Parameters: {
      type: "object",
      properties: {
        prompt: { type: "string", minLength: 1, maxLength: 2000 },
        strength: { anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { type: "null" }], title: "Strength", group: "edit", unit: "percent" },
        pruning: { $ref: "#/$defs/Pruning" },
        seed: { type: "integer", minimum: 0, maximum: 9, group: "more" },
      },
    },
    Pruning: {
      type: "object",
      properties: {
        enabled: { type: "boolean", group: "pruning", description: "reuse" },
        detector: { enum: ["anchor", "lipar"], group: "more" },
        tau: { type: "number", minimum: 0, maximum: 2, group: "pruning", curve: 2, detector: "lipar" },
      },
    },
  },
};

describe("the parameters with a control", () => {
  it("are found in order, in a nullable type and behind references, with their hints", () => {
    const specs = parameterSpecs(schema);
    expect(specs.map(({ path }) => path)).toEqual(["strength", "pruning.enabled", "pruning.detector", "pruning.tau", "seed"]);
    expect(specs[0]).toMatchObject({ title: "Strength", group: "edit", unit: "percent", detector: null });
    expect(specs[1]).toMatchObject({ title: "pruning.enabled", description: "reuse", type: { kind: "boolean" } });
    expect(specs[2]?.type).toEqual({ kind: "choice", choices: ["anchor", "lipar"] });
    expect(specs[3]).toMatchObject({ detector: "lipar", type: { kind: "number", range: { minimum: 0, maximum: 2 }, integer: false, exponent: 2 } });
    expect(specs[4]?.type).toMatchObject({ integer: true });
  });

  it("throw with the parameter's path if the schema lacks what a control needs", () => {
    expect(() => parameterSpecs({ properties: { size: { type: "number", group: "edit" } } })).toThrow("no range for size");
    expect(maxLengthOf(schema, "prompt")).toBe(2000);
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
