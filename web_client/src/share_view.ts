// The control that hands out a link to watch a session.

import { element } from "./elements";
import type { Place } from "./protocol";
import { shareLink } from "./share_link";

const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

export class ShareView {
  private readonly button = element("share", HTMLButtonElement);
  private readonly shared = element("shared", HTMLDivElement);
  private readonly link = element("share-link", HTMLInputElement);
  private readonly note = element("share-note", HTMLParagraphElement);

  constructor() {
    this.button.addEventListener("click", () => void this.share());
  }

  /** Null: nothing can be watched now. */
  show(place: Place | null): void {
    this.button.disabled = place === null;
    this.link.value = place === null ? "" : shareLink(location.href, place);
    if (place === null) this.shared.hidden = true;
  }

  private async share(): Promise<void> {
    this.shared.hidden = false;
    this.link.select();
    this.note.textContent = [await this.copied(), localOnly()].join(" ");
  }

  private async copied(): Promise<string> {
    try {
      await navigator.clipboard.writeText(this.link.value);
      return "Copied. Whoever has this link sees the edited picture.";
    } catch {
      return "Copy this link: whoever has it sees the edited picture."; // a page that is not secure may not copy
    }
  }
}

function localOnly(): string {
  return LOCAL.includes(location.hostname) ? "It opens on this machine only." : "";
}
