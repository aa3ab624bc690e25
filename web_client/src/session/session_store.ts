// The session and source of this tab, kept in session storage so that a reload can resume it or reuse its links.

import type { SessionCredentials } from "../api/protocol";
import type { SourceKind } from "../media/source";

const STORAGE_KEY = "lipar-session";

export interface SavedSession {
  credentials: SessionCredentials;
  sourceKind: SourceKind;
  /** The session had ended: only its links are reused by the next one. */
  ended: boolean;
}

export class SessionStore {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {}

  save(session: SavedSession): void {
    this.storage.setItem(STORAGE_KEY, JSON.stringify(session));
  }

  /** Returns and removes the saved session: a duplicated tab must not resume the same one. */
  take(): SavedSession | null {
    const text = this.storage.getItem(STORAGE_KEY);
    this.storage.removeItem(STORAGE_KEY);
    return text === null ? null : parseSaved(text);
  }
}

function parseSaved(text: string): SavedSession | null {
  try {
    const { credentials, sourceKind, ended } = (JSON.parse(text) ?? {}) as Partial<SavedSession>;
    const { id, token, view_token } = credentials ?? {};
    const isComplete = [id, token, view_token, sourceKind].every((value) => typeof value === "string");
    return isComplete ? ({ credentials: { id, token, view_token }, sourceKind, ended: ended === true } as SavedSession) : null;
  } catch {
    return null;
  }
}
