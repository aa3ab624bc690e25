// The button that copies the watch link.

import type { SessionCredentials } from "../api/protocol";
import { cleanLink, watchLink } from "../session/watch_link";
import { SHARE } from "../texts";
import { element } from "./elements";

const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

export class ShareControl {
  private readonly button = element("share", HTMLButtonElement);
  private readonly linkRow = element("shared", HTMLDivElement);
  private readonly link = element("share-link", HTMLInputElement);
  private readonly note = element("share-note", HTMLParagraphElement);

  private watched = ""; // the watch link

  constructor() {
    this.button.addEventListener("click", () => void this.copyLink(this.watched));
    element("share-clean", HTMLButtonElement).addEventListener("click", () => void this.copyLink(cleanLink(this.watched)));
  }

  /** Null: there is nothing to watch. */
  show(credentials: SessionCredentials | null): void {
    this.button.disabled = credentials === null;
    this.watched = credentials === null ? "" : watchLink(location.href, credentials);
    this.link.value = this.watched;
    if (credentials === null) this.linkRow.hidden = true;
  }

  private async copyLink(link: string): Promise<void> {
    this.link.value = link;
    this.linkRow.hidden = false;
    this.link.select();
    this.note.textContent = [await this.writeToClipboard(), reachabilityNote()].join(" ");
  }

  private async writeToClipboard(): Promise<string> {
    try {
      await navigator.clipboard.writeText(this.link.value);
      return SHARE.copied;
    } catch {
      return SHARE.copyThis; // the clipboard needs a secure context
    }
  }
}

function reachabilityNote(): string {
  return LOOPBACK_HOSTS.includes(location.hostname) ? SHARE.thisComputerOnly : "";
}
