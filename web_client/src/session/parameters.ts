// Pure functions on parameters and changes: apply, merge and compare.

import type { Changes, Parameters } from "../api/protocol";

type Tree = Record<string, unknown>;

/** `newer` over `older`; nested objects are merged, not replaced. */
export function mergeChanges(older: Changes, newer: Changes): Changes {
  return merge(withoutExcluded(older, newer), "prompts" in older || newer.prompts != null ? withWholePrompt(newer) : newer);
}

/** The server rejects a change that sets both `strength` and `denoising_steps`: the newer one counts. */
function withoutExcluded(older: Changes, newer: Changes): Changes {
  const { strength, denoising_steps, ...others } = older;
  if (newer.strength != null) return { ...others, ...(strength === undefined ? {} : { strength }) };
  if (newer.denoising_steps != null) return { ...others, ...(denoising_steps === undefined ? {} : { denoising_steps }) };
  return older;
}

/** The parameters after a change, as the server applies it. */
export function applyChanges(parameters: Parameters, { reset: _action, ...changes }: Changes): Parameters {
  const merged = merge(parameters, withWholePrompt(changes)) as unknown as Parameters;
  if (changes.strength !== undefined && changes.strength !== null) merged.denoising_steps = null; // setting either one clears the other
  else if (Array.isArray(changes.denoising_steps)) merged.strength = null;
  return merged;
}

/** The change with both parts of the prompt, if it has one: setting either one sets the other. */
function withWholePrompt(changes: Changes): Changes {
  const { prompt, prompts } = changes;
  if (prompts == null) return prompt === undefined ? changes : { ...changes, prompts: null };
  const [first] = prompts;
  return first === undefined ? changes : { prompt: first.text, ...changes };
}

/** Whether the change would leave these parameters as they are. */
export function containsChanges(parameters: Parameters, changes: Changes): boolean {
  return isEqual(applyChanges(parameters, changes), parameters);
}

/** Whether the change has a value at this path, for example "pruning.tau"; of "prompts[0].text" the whole list counts. */
export function hasPath(changes: Changes | undefined, path: string): boolean {
  return changes !== undefined && valueAtPath(changes, path.replace(/\[.*/, "")) !== undefined;
}

/** The value at a path such as "pruning.tau"; undefined if there is none. */
export function valueAtPath(parameters: Parameters | Changes, path: string): unknown {
  return path.split(".").reduce<unknown>((part, name) => (isTree(part) ? part[name] : undefined), parameters);
}

/** `changesFor("pruning.tau", 0.5)` is `{pruning: {tau: 0.5}}` */
export function changesFor(path: string, value: unknown): Changes {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Changes;
}

/** The change from `base` to `target`. Null values are left out: they follow from other parameters. */
export function differences(base: Parameters, target: Parameters): Changes {
  return treeDifferences(base, target);
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
