// JSON in the browser's storage, where another version of the page, or someone by hand, may have left something else.

/** Null: nothing is stored under the name, or no JSON. */
export function storedJson(storage: Pick<Storage, "getItem">, name: string): unknown {
  try {
    return JSON.parse(storage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** An object's entries that are strings; others, and what is no object, are left out. */
export function storedStrings(storage: Pick<Storage, "getItem">, name: string): Record<string, string> {
  const entries = Object.entries(storedJson(storage, name) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** The strings of a list; other items, and what is no list, are left out. */
export function storedList(storage: Pick<Storage, "getItem">, name: string): string[] {
  const stored = storedJson(storage, name);
  return Array.isArray(stored) ? stored.filter((item) => typeof item === "string") : [];
}
