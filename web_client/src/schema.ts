// Ranges of the controls, read from the server's JSON Schema, and how a slider's travel maps to them.

import type { Schema } from "./protocol";

export interface Range {
  minimum: number;
  maximum: number;
}

/** The range of a numeric parameter such as "pruning.tau"; throws where the schema has none. */
export function rangeOf(root: Schema, path: string): Range {
  const { minimum, maximum } = find(root, path);
  if (minimum === undefined || maximum === undefined) throw new Error(`the schema gives ${path} no range`);
  return { minimum, maximum };
}

/** The longest text that a parameter takes; throws where the schema does not say. */
export function maxLengthOf(root: Schema, path: string): number {
  const { maxLength } = find(root, path);
  if (maxLength === undefined) throw new Error(`the schema gives ${path} no maximum length`);
  return maxLength;
}

function find(root: Schema, path: string): Schema {
  let schema = resolve(root, root);
  for (const name of path.split(".")) {
    const child = schema.properties?.[name];
    if (child === undefined) throw new Error(`the schema has no ${path}`);
    schema = resolve(root, child);
  }
  return schema;
}

/** Follows references, and takes the part of a choice that is not null. */
function resolve(root: Schema, schema: Schema): Schema {
  const part = schema.anyOf?.find((choice) => choice.type !== "null") ?? schema.allOf?.[0];
  if (part !== undefined) return { ...schema, ...resolve(root, part) };
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.split("/").at(-1) ?? "";
  const target = root.$defs?.[name];
  if (target === undefined) throw new Error(`the schema has no ${schema.$ref}`);
  return resolve(root, target);
}

/**
 * A slider's travel (0..1) to a value and back. A power above 1 gives small values more of the travel: useful
 * thresholds lie near the low end of what is allowed.
 */
export function toValue(travel: number, { minimum, maximum }: Range, power: number): number {
  return minimum + (maximum - minimum) * travel ** power;
}

export function toTravel(value: number, { minimum, maximum }: Range, power: number): number {
  return ((value - minimum) / (maximum - minimum)) ** (1 / power);
}
