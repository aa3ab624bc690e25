// What this page may do on the server: by the token that it has, which is asked for once and kept for the tab.

import type { Access } from "../protocol";

const KEY = "lipar-token";

type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type AccessState =
  | { name: "unknown" }
  /** A token is needed. `isWrong`: the one that was given is not known there. */
  | { name: "asked"; isWrong: boolean }
  | { name: "given"; role: "editor" | "admin" }
  /** Good for watching every session, or one, and nothing else. */
  | { name: "viewer"; session: string | null };

export interface AccessApi {
  token: string | null;
  access(): Promise<Access>;
}

export class PageAccess {
  state: AccessState = { name: "unknown" };

  constructor(
    private readonly api: AccessApi,
    private readonly storage: TokenStorage,
    private readonly changed: () => void,
  ) {
    api.token = tokenIn(storage);
  }

  /** Asks the server. Throws `Unreachable` where it does not answer. */
  async check(): Promise<void> {
    const access = await this.api.access();
    const hadToken = this.api.token !== null;
    if (access.role === "none") this.drop();
    if (hadToken && access.role === "none" && !access.token_required) return this.check(); // one of another server, here before
    this.become(stateOf(access, hadToken));
  }

  /** Tries a token. */
  async enter(token: string): Promise<void> {
    this.use(token);
    await this.check();
  }

  /** A token that came with the address. */
  use(token: string): void {
    this.api.token = token;
    this.storage.setItem(KEY, token);
  }

  /** The server has refused the token that this page has: it has others now, say. */
  refused(): void {
    const isWrong = this.api.token !== null;
    this.drop();
    this.become({ name: "asked", isWrong });
  }

  /** Another token is to be entered. */
  forget(): void {
    this.drop();
    this.become({ name: "asked", isWrong: false });
  }

  private drop(): void {
    this.api.token = null;
    this.storage.removeItem(KEY);
  }

  private become(state: AccessState): void {
    this.state = state;
    this.changed();
  }
}

/**
 * A role in one session alone begins no other: it lets watch that one. A server without a token that lets this page do
 * nothing says itself why, when it is asked for anything.
 */
function stateOf({ role, session, token_required }: Access, hadToken: boolean): AccessState {
  if (role === "none") return token_required ? { name: "asked", isWrong: hadToken } : { name: "given", role: "editor" };
  return role === "viewer" || session !== null ? { name: "viewer", session } : { name: "given", role };
}

/** What this tab was given. */
export function tokenIn(storage: Pick<TokenStorage, "getItem">): string | null {
  return storage.getItem(KEY);
}

/**
 * The token in an address, and the address without it. Only the fragment is read, which browsers send to no server; one
 * in the query is dropped unread: it has been in logs.
 */
export function tokenOf(address: string): { token: string | null; rest: string } {
  const url = new URL(address);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get("token");
  fragment.delete("token");
  url.hash = fragment.toString();
  url.searchParams.delete("token");
  return { token: token === "" ? null : token, rest: url.href };
}
