import { expect, it } from "vitest";

const ROOMS = ["texts", "api", "media", "session", "page"]; // each may import itself and those before it

const sources = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });

/** The position in `ROOMS` of a file such as "../src/media/peer.ts". */
function roomOf(file: string): number {
  const room = ROOMS.indexOf(file.split("/")[2] ?? "");
  if (room < 0) throw new Error(`${file} is in no room`);
  return room;
}

function importsOf(file: string, text: string): string[] {
  const paths = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]*)"/g)].map((match) => match[1] ?? "");
  return paths.map((path) => `..${new URL(path, `file://${file.slice(2)}`).pathname}`);
}

it("imports point one way: texts, api, media, session, page", () => {
  const wrong = Object.entries(sources).flatMap(([file, text]) =>
    importsOf(file, text)
      .filter((target) => roomOf(target) > roomOf(file))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
  expect(Object.keys(sources).length).toBeGreaterThan(30);
});
