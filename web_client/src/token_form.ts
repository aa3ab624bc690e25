// Where the page asks for the server's token, or says that the one it has is for watching only.

import { element } from "./elements";
import type { AccessState } from "./session/access";
import { shareLink } from "./share_link";

const ROLES = {
  admin: "Your token may do everything on this server.",
  editor: "Your token may start sessions here and edit them.",
};

export interface TokenFormEvents {
  token: (token: string) => void;
  /** Another token is to be entered. */
  forget: () => void;
}

export class TokenForm {
  private readonly form = element("token-form", HTMLFormElement);
  private readonly token = element("token", HTMLInputElement);
  private readonly note = element("token-note", HTMLParagraphElement);
  private readonly viewer = element("viewer-form", HTMLFormElement);

  constructor(
    events: TokenFormEvents,
    private readonly kept: () => string | null,
  ) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      events.token(this.token.value.trim());
      this.token.value = "";
    });
    this.viewer.addEventListener("submit", (event) => {
      event.preventDefault();
      location.href = shareLink(location.href, { id: element("viewer-session", HTMLInputElement).value.trim(), view_token: this.kept() ?? "" });
    });
    for (const id of ["viewer-other", "forget-token"]) element(id, HTMLButtonElement).addEventListener("click", events.forget);
  }

  show(state: AccessState): void {
    const wasHidden = this.form.hidden;
    this.form.hidden = state.name !== "asked";
    this.viewer.hidden = state.name !== "viewer";
    element("role", HTMLParagraphElement).hidden = state.name !== "given" || this.kept() === null;
    if (state.name === "given") element("role-text", HTMLSpanElement).textContent = ROLES[state.role];
    if (state.name === "viewer" && state.session !== null) element("viewer-session", HTMLInputElement).value = state.session;
    if (state.name !== "asked") return;
    this.note.textContent = state.isWrong ? "This token is not known here: it is wrong, or has been changed." : "";
    this.token.setAttribute("aria-invalid", String(state.isWrong));
    if (wasHidden) this.token.focus();
  }
}
