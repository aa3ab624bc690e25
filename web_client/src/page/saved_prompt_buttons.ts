// The user's saved prompts as buttons, and the button that saves or removes the prompt in the field.

import { SavedPrompts } from "../session/saved_prompts";
import { BUTTONS } from "../texts";
import { element } from "./elements";
import { styleButton } from "./style_button";

export class SavedPromptButtons {
  private readonly saved = new SavedPrompts();
  private readonly field = element("prompt", HTMLInputElement);
  private readonly button = element("save-prompt", HTMLButtonElement);
  private readonly group = element("saved-prompts", HTMLDivElement);
  private applied = "";

  constructor(private readonly apply: (prompt: string) => void) {
    this.button.addEventListener("click", () => {
      this.saved.toggle(this.field.value);
      this.showGroup();
      this.show(this.applied);
    });
    this.showGroup();
  }

  /** `applied`: the prompt that the session has, or the next one begins with. */
  show(applied: string): void {
    this.applied = applied;
    this.button.disabled = this.field.value.trim() === "";
    this.button.textContent = this.saved.has(this.field.value) ? BUTTONS.removePrompt : BUTTONS.savePrompt;
    for (const chip of this.group.querySelectorAll("button")) chip.setAttribute("aria-pressed", String(chip.dataset.prompt === applied));
  }

  private showGroup(): void {
    const { prompts } = this.saved;
    this.group.hidden = prompts.length === 0;
    this.group.replaceChildren(...prompts.map((prompt) => this.chip(prompt)));
  }

  private chip(prompt: string): HTMLButtonElement {
    const chip = styleButton({ name: prompt, prompt, picture: null });
    chip.title = prompt; // long ones are cut
    chip.addEventListener("click", () => {
      this.apply(prompt);
    });
    return chip;
  }
}
