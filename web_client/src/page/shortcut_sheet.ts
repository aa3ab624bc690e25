// The sheet that lists the keyboard shortcuts and lets the user change them.

import type { KeyMap } from "../session/key_map";
import { SHORTCUTS } from "../texts";
import { element } from "./elements";
import type { ShortcutAction } from "./shortcuts";

export class ShortcutSheet {
  private readonly dialog = element("shortcuts", HTMLDialogElement);
  private readonly list = element("shortcut-list", HTMLElement);
  private readonly note = element("shortcut-note", HTMLParagraphElement);
  private waiting: ShortcutAction | null = null; // for its new key

  constructor(private readonly keys: KeyMap<ShortcutAction>) {
    element("open-shortcuts", HTMLButtonElement).addEventListener("click", () => {
      this.stopWaiting("");
      this.dialog.showModal();
    });
    element("default-shortcuts", HTMLButtonElement).addEventListener("click", () => {
      keys.reset();
      this.stopWaiting("");
    });
    this.dialog.addEventListener("keydown", (event) => {
      this.handleKey(event);
    });
  }

  get isOpen(): boolean {
    return this.dialog.open;
  }

  private handleKey(event: KeyboardEvent): void {
    const action = this.waiting;
    if (action === null || event.key === "Shift") return;
    event.preventDefault();
    if (event.key === "Escape") this.stopWaiting("", action);
    else if (this.keys.assign(action, event.key === "Backspace" ? "" : event.key)) this.stopWaiting("", action);
    else this.note.textContent = SHORTCUTS.reserved;
  }

  private stopWaiting(note: string, focused?: ShortcutAction): void {
    this.waiting = null;
    this.note.textContent = note;
    this.list.replaceChildren(...this.keys.actions().flatMap((action) => this.row(action)));
    if (focused !== undefined) this.list.querySelector<HTMLButtonElement>(`[data-action="${focused}"]`)?.focus();
  }

  private row(action: ShortcutAction): HTMLElement[] {
    const [term, value, button] = [document.createElement("dt"), document.createElement("dd"), document.createElement("button")];
    term.textContent = SHORTCUTS.actions[action];
    button.type = "button";
    button.dataset.action = action;
    button.textContent = this.keys.keyOf(action).toUpperCase() || SHORTCUTS.none;
    button.setAttribute("aria-label", SHORTCUTS.change(SHORTCUTS.actions[action], button.textContent));
    button.addEventListener("click", () => {
      this.waiting = action;
      button.textContent = SHORTCUTS.pressKey;
      this.note.textContent = SHORTCUTS.pressKeyFor(SHORTCUTS.actions[action]);
    });
    value.append(button);
    return [term, value];
  }
}
