// Keyboard shortcuts: a key presses a button of the page, digits choose styles.

import { KeyMap } from "../session/key_map";
import { element } from "./elements";
import { ShortcutSheet } from "./shortcut_sheet";

/** By the id of the button that the key presses. */
const DEFAULT_KEYS = {
  start: "s",
  pause: "p",
  reset: "r",
  hold: "c",
  "view-inset": "i",
  "view-side": "b",
  "view-wipe": "w",
  "view-result": "o",
  "stage-fullscreen": "f",
  mirror: "m",
  overlay: "v",
  record: "x",
  "save-result": "k",
  "region-box": "g",
  "region-brush": "d",
  "region-erase": "e",
  "region-clear": "z",
  "open-shortcuts": "?",
};
export type ShortcutAction = keyof typeof DEFAULT_KEYS;

export class Shortcuts {
  private readonly keys = new KeyMap<ShortcutAction>(DEFAULT_KEYS);
  private readonly sheet = new ShortcutSheet(this.keys);
  private readonly holdButton = element("hold", HTMLButtonElement);

  constructor() {
    document.addEventListener("keydown", (event) => {
      if (this.isShortcut(event) && this.press(event.key)) event.preventDefault();
    });
    document.addEventListener("keyup", ({ key }) => {
      if (this.keys.actionOf(key) === "hold") this.hold(false);
    });
    window.addEventListener("blur", () => {
      this.hold(false); // the key may be released elsewhere
    });
  }

  private isShortcut(event: KeyboardEvent): boolean {
    const { ctrlKey, altKey, metaKey, repeat, target } = event;
    return !(ctrlKey || altKey || metaKey || repeat || this.sheet.isOpen || isTyping(target));
  }

  /** False: the key has no action. */
  private press(key: string): boolean {
    if (/^[1-9]$/.test(key)) {
      element("styles", HTMLDivElement).querySelectorAll("button")[Number(key) - 1]?.click();
      return true;
    }
    const action = this.keys.actionOf(key);
    if (action === null) return false;
    if (action === "hold") this.hold(true);
    else element(action, HTMLButtonElement).click(); // a disabled button does nothing
    return true;
  }

  private hold(isHeld: boolean): void {
    this.holdButton.dispatchEvent(new KeyboardEvent(isHeld ? "keydown" : "keyup", { key: " " }));
  }
}

/** Whether a control takes the letters itself. */
function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !["checkbox", "range", "button"].includes(target.type);
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
