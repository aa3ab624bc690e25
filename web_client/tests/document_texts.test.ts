import { expect, it } from "vitest";
import { fillIn, namesIn } from "../document_texts";
import html from "../index.html?raw";
import { DOCUMENT } from "../src/texts";

it("index.html shows every text of the document, and no other", () => {
  expect([...new Set(namesIn(html))].sort()).toEqual(Object.keys(DOCUMENT).sort());
  const withoutNames = html.replace(/\{\{\w+\}\}/g, "");
  const contents = withoutNames.replace(/<script[^]*?<\/script>/g, "").replace(/<[^>]*>/g, "");
  const attributes = [...withoutNames.matchAll(/\b(?:aria-label|title|alt|placeholder)="([^"]*)"/g)].map((match) => match[1] ?? "");
  expect([contents, ...attributes].filter((text) => /[A-Za-z]{2}/.test(text))).toEqual([]);
});

it("a text is written into the document as text", () => {
  const filled = fillIn('<b title="{{hint}}">{{name}}</b>', { hint: 'a "quoted" hint', name: "a < b & c" });
  expect(filled).toBe('<b title="a &quot;quoted&quot; hint">a &lt; b &amp; c</b>');
  expect(() => fillIn("{{missing}}", {})).toThrow('no text "missing"');
});
