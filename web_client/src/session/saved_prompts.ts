// The user's own prompts, in the order in which they were saved; stored in this browser only.

import { storedList } from "./stored_json";

const NAME = "lipar-saved-prompts";
const MAX_PROMPTS = 100; // the oldest is removed

export class SavedPrompts {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.localStorage) {}

  get prompts(): string[] {
    return storedList(this.storage, NAME);
  }

  has(prompt: string): boolean {
    return this.prompts.includes(prompt.trim());
  }

  /** Saves the prompt, or removes it if it is saved; a blank one is not saved. */
  toggle(prompt: string): void {
    const text = prompt.trim();
    if (text === "") return;
    const others = this.prompts.filter((other) => other !== text);
    const kept = this.has(text) ? others : [...others, text].slice(-MAX_PROMPTS);
    this.storage.setItem(NAME, JSON.stringify(kept));
  }
}
