// The parameters with their types and ranges, from the server's JSON Schema, and the mapping of slider positions.

import type { Schema } from "./protocol";

export interface Range {
  minimum: number;
  maximum: number;
}

/** A parameter that the page has a control for. */
export interface ParameterSpec {
  path: string; // "pruning.tau"
  title: string;
  description: string;
  group: string; // of controls
  unit: string; // "percent" for ratios, else a word that follows the value
  detector: string | null; // the only one that reads the parameter
  type: { kind: "boolean" } | { kind: "choice"; choices: string[] } | { kind: "number"; range: Range; integer: boolean; exponent: number };
}

/** All parameters with a group, in the order of their declaration; throws if one is of a type without a control. */
export function parameterSpecs(root: Schema, parent: Schema = root, prefix = ""): ParameterSpec[] {
  const properties = resolveReferences(root, parent).properties ?? {};
  return Object.entries(properties).flatMap(([name, property]) => {
    const schema = resolveReferences(root, property);
    const path = prefix + name;
    if (schema.properties !== undefined) return parameterSpecs(root, schema, `${path}.`);
    return schema.group === undefined ? [] : [specOf(path, schema.group, schema)];
  });
}

function specOf(path: string, group: string, schema: Schema): ParameterSpec {
  const { title = path, description = "", unit = "", detector = null } = schema;
  return { path, title, description, group, unit, detector, type: typeOf(path, schema) };
}

function typeOf(path: string, { type, enum: choices, minimum, maximum, curve = 1 }: Schema): ParameterSpec["type"] {
  if (choices !== undefined) return { kind: "choice", choices };
  if (type === "boolean") return { kind: "boolean" };
  if (minimum === undefined || maximum === undefined) throw new Error(`the schema has no range for ${path}`);
  return { kind: "number", range: { minimum, maximum }, integer: type === "integer", exponent: curve };
}

/** Every parameter by its path, with its schema, without references; objects are not parameters, their fields are. */
export function leafSchemas(root: Schema, parent: Schema = root, prefix = ""): [path: string, schema: Schema][] {
  const properties = resolveReferences(root, parent).properties ?? {};
  return Object.entries(properties).flatMap(([name, property]): [string, Schema][] => {
    const schema = resolveReferences(root, property);
    return schema.properties === undefined ? [[prefix + name, schema]] : leafSchemas(root, schema, `${prefix}${name}.`);
  });
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
