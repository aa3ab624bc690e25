// The page's colours: the system's choice, light or dark.

import { THEMES } from "../texts";
import { element } from "./elements";
import { LocalChoice } from "./local_choice";

type Theme = keyof typeof THEMES;

/** Applies the stored theme; the button chooses the next. */
export function bindTheme(): void {
  const button = element("theme", HTMLButtonElement);
  const choice = new LocalChoice<Theme>("lipar-theme", ["system", "light", "dark"]);
  const show = (theme: Theme): void => {
    document.documentElement.dataset.theme = theme;
    button.title = THEMES[theme];
    button.setAttribute("aria-label", THEMES[theme]);
  };
  button.addEventListener("click", () => {
    show(choice.next());
  });
  show(choice.value);
}
