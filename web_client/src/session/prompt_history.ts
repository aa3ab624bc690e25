// The prompts that the user has typed and applied, newest first; stored in this browser only.

import { storedList } from "./stored_json";

const NAME = "lipar-prompts";
const MAX_PROMPTS = 50;

export class PromptHistory {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.localStorage) {}

  get prompts(): string[] {
    return storedList(this.storage, NAME);
  }

  /** Blank prompts are not kept; a repeated one becomes the newest. */
  add(prompt: string): void {
    const added = prompt.trim();
    if (added === "") return;
    const others = this.prompts.filter((other) => other !== added);
    this.storage.setItem(NAME, JSON.stringify([added, ...others].slice(0, MAX_PROMPTS)));
  }
}
