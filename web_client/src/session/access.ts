// The role of this page on the server, by its token, which is kept in session storage.

import type { Access } from "../api/protocol";

const STORAGE_KEY = "lipar-token";

type TokenStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export type AccessState =
  | { name: "unknown" }
  /** `isWrong`: the server does not know the entered token. */
  | { name: "token_required"; isWrong: boolean }
  | { name: "granted"; role: "editor" | "admin" }
  /** Watching only: one session, or all (null). */
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
    api.token = storedToken(storage);
  }

  /** Requests the role from the server. Throws `ServerUnreachable`. */
  async check(): Promise<void> {
    const access = await this.api.access();
    const hadToken = this.api.token !== null;
    if (access.role === "none") this.removeToken();
    if (hadToken && access.role === "none" && !access.token_required) return this.check(); // the token was for another server at this address
    this.setState(accessStateOf(access, hadToken));
  }

  /** Stores an entered token and checks it. */
  async tryToken(token: string): Promise<void> {
    this.setToken(token);
    await this.check();
  }

  /** Stores a token without a check, for example from the address. */
  setToken(token: string): void {
    this.api.token = token;
    this.storage.setItem(STORAGE_KEY, token);
  }

  /** The server has rejected this page's token, for example after its tokens were changed. */
  rejectToken(): void {
    const isWrong = this.api.token !== null;
    this.removeToken();
    this.setState({ name: "token_required", isWrong });
  }

  /** The user wants to enter another token. */
  forgetToken(): void {
    this.removeToken();
    this.setState({ name: "token_required", isWrong: false });
  }

  private removeToken(): void {
    this.api.token = null;
    this.storage.removeItem(STORAGE_KEY);
  }

  private setState(state: AccessState): void {
    this.state = state;
    this.changed();
  }
}

/**
 * A role for a single session cannot create others: it is used for watching. A server without a token that grants this
 * page no role gives its reason in the response to any request.
 */
function accessStateOf({ role, session, token_required }: Access, hadToken: boolean): AccessState {
  if (role === "none") return token_required ? { name: "token_required", isWrong: hadToken } : { name: "granted", role: "editor" };
  return role === "viewer" || session !== null ? { name: "viewer", session } : { name: "granted", role };
}

/** The token kept for this tab. */
export function storedToken(storage: Pick<TokenStorage, "getItem">): string | null {
  return storage.getItem(STORAGE_KEY);
}

/**
 * The token in an address, and the address without it. Only the fragment is read, which browsers do not send to servers;
 * a token in the query may have been logged, and is removed unused.
 */
export function extractToken(address: string): { token: string | null; addressWithoutToken: string } {
  const url = new URL(address);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const token = fragment.get("token");
  fragment.delete("token");
  url.hash = fragment.toString();
  url.searchParams.delete("token");
  return { token: token === "" ? null : token, addressWithoutToken: url.href };
}
