// The session that this tab was in when its page went away, and what it sent: a reload comes back to it, or to its links.

import type { Place } from "./protocol";
import type { SourceKind } from "./source";

const KEY = "lipar-session";

export interface Kept {
  place: Place;
  kind: SourceKind;
  /** It had ended before: only its links are good for the next one. */
  ended: boolean;
}

export class Memory {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  keep(kept: Kept): void {
    this.storage.setItem(KEY, JSON.stringify(kept));
  }

  /** What was kept, once: a duplicate of this tab must not fight with it over one session. */
  take(): Kept | null {
    const text = this.storage.getItem(KEY);
    this.storage.removeItem(KEY);
    return text === null ? null : parse(text);
  }
}

function parse(text: string): Kept | null {
  try {
    const { place, kind, ended } = (JSON.parse(text) ?? {}) as Partial<Kept>;
    const { id, token, view_token } = place ?? {};
    const whole = [id, token, view_token, kind].every((value) => typeof value === "string");
    return whole ? ({ place: { id, token, view_token }, kind, ended: ended === true } as Kept) : null;
  } catch {
    return null;
  }
}
