// Earlier prompts, suggested by the browser while the prompt is typed.

import { PromptHistory } from "../session/prompt_history";
import { element } from "./elements";

export class PromptSuggestions {
  private readonly history = new PromptHistory();
  private readonly list = element("prompt-history", HTMLDataListElement);

  constructor() {
    element("prompt-form", HTMLFormElement).addEventListener("submit", () => {
      this.history.add(element("prompt", HTMLInputElement).value);
      this.show();
    });
    this.show();
  }

  private show(): void {
    this.list.replaceChildren(...this.history.prompts.map((prompt) => new Option(prompt, prompt)));
  }
}
