// The address at which others watch a session. Its token stands in the fragment, which no server gets to log.

import type { Place } from "./protocol";

export type View = Pick<Place, "id" | "view_token">;

export function shareLink(page: string, { id, view_token }: View): string {
  const link = new URL(page);
  link.search = new URLSearchParams({ watch: id }).toString();
  link.hash = new URLSearchParams({ token: view_token }).toString();
  return link.href;
}

/** What an address lets its visitor watch; null where it is none to watch at. */
export function parseLink(address: string): View | null {
  const { searchParams, hash } = new URL(address);
  const id = searchParams.get("watch");
  return id === null ? null : { id, view_token: new URLSearchParams(hash.slice(1)).get("token") ?? "" };
}

/** What the editor's address calls its session; null: the server draws a name. */
export function sessionName(address: string): string | null {
  return new URL(address).searchParams.get("session");
}
