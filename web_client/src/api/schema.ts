// Ranges of the parameters, from the server's JSON Schema, and the mapping of slider positions to them.

import type { Schema } from "./protocol";

export interface Range {
  minimum: number;
  maximum: number;
}

/** The range of a numeric parameter such as "pruning.tau"; throws if the schema has none. */
export function rangeOf(root: Schema, path: string): Range {
  const { minimum, maximum } = schemaAt(root, path);
  if (minimum === undefined || maximum === undefined) throw new Error(`the schema has no range for ${path}`);
  return { minimum, maximum };
}

/** The maximum length of a text parameter; throws if the schema has none. */
export function maxLengthOf(root: Schema, path: string): number {
  const { maxLength } = schemaAt(root, path);
  if (maxLength === undefined) throw new Error(`the schema has no maximum length for ${path}`);
  return maxLength;
}

function schemaAt(root: Schema, path: string): Schema {
  let schema = resolveReferences(root, root);
  for (const name of path.split(".")) {
    const child = schema.properties?.[name];
    if (child === undefined) throw new Error(`the schema has no ${path}`);
    schema = resolveReferences(root, child);
  }
  return schema;
}

/** Follows `$ref`, and takes the non-null alternative of `anyOf`. */
function resolveReferences(root: Schema, schema: Schema): Schema {
  const alternative = schema.anyOf?.find((choice) => choice.type !== "null") ?? schema.allOf?.[0];
  if (alternative !== undefined) return { ...schema, ...resolveReferences(root, alternative) };
  if (schema.$ref === undefined) return schema;
  const name = schema.$ref.split("/").at(-1) ?? "";
  const target = root.$defs?.[name];
  if (target === undefined) throw new Error(`the schema has no ${schema.$ref}`);
  return resolveReferences(root, target);
}

/**
 * Maps a slider position (0..1) to a value and back. An exponent above 1 gives small values more resolution: useful
 * thresholds lie near the low end of the range.
 */
export function valueAt(position: number, { minimum, maximum }: Range, exponent: number): number {
  return minimum + (maximum - minimum) * position ** exponent;
}

export function positionOf(value: number, { minimum, maximum }: Range, exponent: number): number {
  return ((value - minimum) / (maximum - minimum)) ** (1 / exponent);
}
