// The form for the server's token, and the form for a token that grants watching only.

import type { AccessState } from "../session/access";
import { watchLink } from "../session/watch_link";
import { TOKENS } from "../texts";
import { element } from "./elements";

export interface TokenFormEvents {
  entered: (token: string) => void;
  /** The user wants to enter another token. */
  forgotten: () => void;
}

export class TokenForm {
  private readonly form = element("token-form", HTMLFormElement);
  private readonly tokenInput = element("token", HTMLInputElement);
  private readonly note = element("token-note", HTMLParagraphElement);
  private readonly viewerForm = element("viewer-form", HTMLFormElement);

  constructor(
    events: TokenFormEvents,
    private readonly storedToken: () => string | null,
  ) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      events.entered(this.tokenInput.value.trim());
      this.tokenInput.value = "";
    });
    this.viewerForm.addEventListener("submit", (event) => {
      event.preventDefault();
      location.href = watchLink(location.href, { id: element("viewer-session", HTMLInputElement).value.trim(), view_token: this.storedToken() ?? "" });
    });
    for (const id of ["viewer-other", "forget-token"]) element(id, HTMLButtonElement).addEventListener("click", events.forgotten);
  }

  show(state: AccessState): void {
    const wasHidden = this.form.hidden;
    this.form.hidden = state.name !== "token_required";
    this.viewerForm.hidden = state.name !== "viewer";
    element("role", HTMLParagraphElement).hidden = state.name !== "granted" || this.storedToken() === null;
    if (state.name === "granted") element("role-text", HTMLSpanElement).textContent = TOKENS[state.role];
    if (state.name === "viewer" && state.session !== null) element("viewer-session", HTMLInputElement).value = state.session;
    if (state.name !== "token_required") return;
    this.note.textContent = state.isWrong ? TOKENS.wrong : "";
    this.tokenInput.setAttribute("aria-invalid", String(state.isWrong));
    if (wasHidden) this.tokenInput.focus();
  }
}
