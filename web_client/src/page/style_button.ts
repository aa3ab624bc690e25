// A button that applies a style's prompt, with a small picture of the style where the server has one.

import type { Style } from "../api/protocol";

export function styleButton(style: Style): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.prompt = style.prompt;
  if (style.picture !== null) button.append(decorativePicture(style.picture));
  button.append(style.name);
  return button;
}

/** The button's text says what the picture shows: a screen reader skips it. */
export function decorativePicture(address: string): HTMLImageElement {
  const picture = new Image(112, 64);
  picture.alt = "";
  picture.src = address;
  return picture;
}
