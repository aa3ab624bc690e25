// Fills in the texts of index.html when the page is built: `{{start}}` stands for `DOCUMENT.start` of src/texts.

import type { Plugin } from "vite";
import { DOCUMENT } from "./src/texts";

const PLACEHOLDER = /\{\{(\w+)\}\}/g;
const ESCAPED: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function documentTexts(): Plugin {
  return { name: "document-texts", transformIndexHtml: { order: "pre", handler: (html) => fillIn(html) } };
}

export function fillIn(html: string, texts: Record<string, string> = DOCUMENT): string {
  return html.replace(PLACEHOLDER, (_, name: string) => {
    const text = texts[name];
    if (text === undefined) throw new Error(`index.html: src/texts has no text "${name}"`);
    return text.replace(/[&<>"]/g, (sign) => ESCAPED[sign] ?? sign);
  });
}

/** The names of the texts that the document shows. */
export function namesIn(html: string): string[] {
  return [...html.matchAll(PLACEHOLDER)].map((match) => match[1] ?? "");
}
