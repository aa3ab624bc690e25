// The session that this tab was in when its page went away: a reload comes back to it.

import type { Place } from "./protocol";

const KEY = "lipar-session";

export class Memory {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  keep(place: Place): void {
    this.storage.setItem(KEY, JSON.stringify(place));
  }

  /** What was kept, once: a duplicate of this tab must not fight with it over one session. */
  take(): Place | null {
    const text = this.storage.getItem(KEY);
    this.storage.removeItem(KEY);
    return text === null ? null : parse(text);
  }
}

function parse(text: string): Place | null {
  try {
    const { id, token } = (JSON.parse(text) ?? {}) as Partial<Place>;
    return typeof id === "string" && typeof token === "string" ? { id, token } : null;
  } catch {
    return null;
  }
}
