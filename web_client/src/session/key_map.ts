// Which key runs which action. What the user has changed is stored; everything else follows the defaults.

import { storedStrings } from "./stored_json";

const NAME = "lipar-keys";
const RESERVED = /^([0-9]|.{2,}| )$/; // digits choose styles; named keys and the space bar have their own uses

export class KeyMap<Action extends string> {
  constructor(
    private readonly defaults: Record<Action, string>,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = window.localStorage,
  ) {}

  /** Empty: no key. */
  keyOf(action: Action): string {
    return this.stored()[action] ?? this.defaults[action];
  }

  actionOf(key: string): Action | null {
    const wanted = key.toLowerCase();
    return this.actions().find((action) => wanted !== "" && this.keyOf(action) === wanted) ?? null;
  }

  /** Gives an action a key, which another one loses; an empty key removes it. False: the key is reserved. */
  assign(action: Action, key: string): boolean {
    if (RESERVED.test(key)) return false;
    const wanted = key.toLowerCase();
    const stored = this.stored();
    for (const other of this.actions()) if (wanted !== "" && this.keyOf(other) === wanted) stored[other] = "";
    stored[action] = wanted;
    this.storage.setItem(NAME, JSON.stringify(stored));
    return true;
  }

  reset(): void {
    this.storage.removeItem(NAME);
  }

  actions(): Action[] {
    return Object.keys(this.defaults) as Action[];
  }

  private stored(): Record<string, string> {
    return storedStrings(this.storage, NAME);
  }
}
