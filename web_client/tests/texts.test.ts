import ts from "typescript";
import { expect, it } from "vitest";

const sources = import.meta.glob<string>(["../src/**/*.ts", "!../src/texts/**"], { query: "?raw", import: "default", eager: true });

const WORDS = /[A-Za-z]\s+[A-Za-z]|^[A-Z][a-z]/; // several words, or one that begins with a capital
const LOGS = ["console.warn", "logFailure"]; // for developers
const SHOWN = ["textContent", "innerText", "title", "placeholder", "alt", "ariaLabel", "aria-label"];
const BUGS = ["api/schema.ts", "page/elements.ts", "session/remote_session.ts"]; // errors that only a bug can cause

/** Names of protocols and of the DOM that look like words. */
const NAMES = [
  ...["Authorization", "Bearer ", "Content-Type", "Location", "Retry-After"],
  ...["AbortError", "InvalidStateError", "NotAllowedError", "NotReadableError"],
  ...["Backspace", "Enter", "Escape", "Shift", "Files", ".slider input[type=range]"],
];

/** The literals of a source that a person may read. */
function visibleLiterals(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isCallExpression(node) && LOGS.includes(node.expression.getText())) return;
    if (ts.isNewExpression(node) && node.expression.getText() === "Error" && BUGS.some((name) => file.endsWith(name))) return;
    const parts = literalParts(node);
    if (parts.some((part) => isVisible(node, part))) found.push(`${file}: ${parts.join("…")}`);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

function literalParts(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  return ts.isTemplateExpression(node) ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)] : [];
}

function isVisible(node: ts.Node, part: string): boolean {
  return !NAMES.includes(part) && (WORDS.test(part) || (/[A-Za-z]{2}/.test(part) && isShown(node)));
}

/** Whether it is assigned to a text of the page, or set as an attribute that is read aloud or shown. */
function isShown(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent) && ts.isPropertyAccessExpression(parent.left)) return parent.right === node && SHOWN.includes(parent.left.name.text);
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node && SHOWN.includes(parent.name.getText().replaceAll('"', ""));
  if (!ts.isCallExpression(parent) || !parent.expression.getText().endsWith(".setAttribute")) return false;
  const [name, value] = parent.arguments;
  return value === node && name !== undefined && ts.isStringLiteral(name) && SHOWN.includes(name.text);
}

it("every text that the page shows is in src/texts", () => {
  expect(Object.entries(sources).flatMap(([file, text]) => visibleLiterals(file, text))).toEqual([]);
  expect(Object.keys(sources).length).toBeGreaterThan(100);
});

it.each([
  'note.textContent = "Saved";',
  'note.textContent = isOn ? `saved as ${file}` : "no";',
  'button.title = "stop";',
  'button.setAttribute("aria-label", "stop");',
  'Object.assign(image, { alt: "style" });',
  'throw new Error("the file is empty");',
])("a text elsewhere is found: %s", (source) => {
  expect(visibleLiterals("page/other.ts", source)).toHaveLength(1);
});

it.each(['button.dataset.tone = "busy";', 'throw new MediaConnectionLost("stopped");', 'console.warn("not saved:", error);', 'type Tone = "Not Visible";'])(
  "what nobody reads is not: %s",
  (source) => {
    expect(visibleLiterals("page/other.ts", source)).toEqual([]);
  },
);
