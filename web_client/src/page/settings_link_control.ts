// Copies a link to the page with the settings shown, and says which settings of the page's own address were ignored.

import type { Changes, Preset, Schema } from "../api/protocol";
import type { Settings } from "../session/settings";
import { readSettingsLink, settingsLink } from "../session/settings_link";
import { LINKS } from "../texts";
import { element } from "./elements";

export class SettingsLinkControl {
  private readonly note = element("settings-link-note", HTMLParagraphElement);
  private readonly problems = element("link-problems", HTMLDivElement);
  private settings: Settings | null = null; // the newest shown

  constructor(
    private readonly preset: Preset,
    private readonly schema: Schema,
  ) {
    element("copy-settings", HTMLButtonElement).addEventListener("click", () => void this.copy());
    element("dismiss-link-problems", HTMLButtonElement).addEventListener("click", () => {
      this.problems.hidden = true;
    });
  }

  show(settings: Settings): void {
    this.settings = settings;
  }

  /** The settings of the page's address; null if it has none. */
  read(address: string): Changes | null {
    const { changes, problems } = readSettingsLink(address, this.preset, this.schema);
    element("link-problem-list", HTMLUListElement).replaceChildren(...problems.map(listItem));
    this.problems.hidden = problems.length === 0;
    return Object.keys(changes).length === 0 ? null : changes;
  }

  private async copy(): Promise<void> {
    if (this.settings === null) return;
    const link = settingsLink(location.href, this.preset, this.schema, this.settings.shown);
    try {
      await navigator.clipboard.writeText(link);
      this.note.textContent = LINKS.copied;
    } catch {
      this.note.textContent = `${LINKS.copyThis} ${link}`; // the clipboard needs a secure context
    }
  }
}

function listItem(text: string): HTMLLIElement {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}
