// Links for watching a session. The token is in the fragment, which browsers do not send to servers.

import type { SessionCredentials } from "../api/protocol";

export type WatchTarget = Pick<SessionCredentials, "id" | "view_token">;

export function watchLink(page: string, { id, view_token }: WatchTarget): string {
  const link = new URL(page);
  link.search = new URLSearchParams({ watch: id }).toString();
  link.hash = new URLSearchParams({ token: view_token }).toString();
  return link.href;
}

/** What a watch link says about the page: `clean` shows the picture alone, for OBS and projectors. */
export interface WatchOptions {
  clean: boolean;
  overlay: boolean; // recomputed and reused parts are shown from the start
  background: "transparent" | "black";
  sound: boolean;
}

export function watchOptions(address: string): WatchOptions {
  const { searchParams } = new URL(address);
  const background = searchParams.get("background") === "black" ? "black" : "transparent";
  return { clean: searchParams.has("clean"), overlay: searchParams.has("overlay"), background, sound: searchParams.has("sound") };
}

/** The same link, to the picture alone. */
export function cleanLink(link: string): string {
  const clean = new URL(link);
  clean.search += "&clean";
  return clean.href;
}

/** The session and token of a watch link; null for other addresses. */
export function parseWatchLink(address: string): WatchTarget | null {
  const { searchParams, hash } = new URL(address);
  const id = searchParams.get("watch");
  return id === null ? null : { id, view_token: new URLSearchParams(hash.slice(1)).get("token") ?? "" };
}

/** The session id in the editor's address; null: the server generates one. */
export function sessionName(address: string): string | null {
  return new URL(address).searchParams.get("session");
}
