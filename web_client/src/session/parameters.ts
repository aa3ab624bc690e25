// Parameters and changes to them, as plain values: what a change makes of parameters, and what tells two apart.

import type { Changes, Parameters } from "../protocol";

type Tree = Record<string, unknown>;

/** `newer` over `older`; what is nested is merged, not replaced. */
export function mergeChanges(older: Changes, newer: Changes): Changes {
  return merge(older, newer);
}

/** The parameters after a change, as the server would have them. */
export function applyChanges(parameters: Parameters, { reset: _action, ...changes }: Changes): Parameters {
  const merged = merge(parameters as unknown as Tree, changes) as unknown as Parameters;
  if (changes.strength !== undefined && changes.strength !== null) merged.denoising_steps = null; // each releases the other
  return merged;
}

/** Whether these parameters already have all that the change asks for. */
export function hasChanges(parameters: Parameters, changes: Changes): boolean {
  return isEqual(applyChanges(parameters, changes), parameters);
}

/** Whether the change asks for something at this path, "pruning.tau" say. */
export function hasPath(changes: Changes | undefined, path: string): boolean {
  const found = path.split(".").reduce<unknown>((part, name) => (isTree(part) ? part[name] : undefined), changes);
  return found !== undefined;
}

/** The change that makes `target` of `base`. A null is no value to ask for: what it releases follows from the rest. */
export function differences(base: Parameters, target: Parameters): Changes {
  return treeDifferences(base as unknown as Tree, target as unknown as Tree);
}

function treeDifferences(base: Tree, target: Tree): Tree {
  const entries = Object.entries(target).flatMap(([name, value]): [string, unknown][] => {
    const before = base[name];
    if (value === null || isEqual(before, value)) return [];
    return [[name, isTree(value) && isTree(before) ? treeDifferences(before, value) : value]];
  });
  return Object.fromEntries(entries);
}

function merge(older: Tree, newer: Tree): Tree {
  const merged = { ...older };
  for (const [name, value] of Object.entries(newer)) {
    const before = merged[name];
    merged[name] = isTree(value) && isTree(before) ? merge(before, value) : value;
  }
  return merged;
}

export function isEqual(one: unknown, other: unknown): boolean {
  if (!isTree(one) || !isTree(other)) return JSON.stringify(one) === JSON.stringify(other);
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isEqual(one[name], other[name]));
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
