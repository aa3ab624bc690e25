import { expect, it } from "vitest";
import { lengthNote, noteOf } from "../src/notes";
import type { NoteContext } from "../src/notes";
import type { Setting } from "../src/session/setting";
import { PARAMETERS } from "./world";

const live: NoteContext = { held: PARAMETERS, state: "live" };
const applied = (pending: boolean): Setting => ({ name: "applied", changes: {}, block: 7, pending, at_ms: 0 });

it("a note says how a control stands", () => {
  expect(noteOf("strength", { name: "held" }, live).text).toBe("");
  expect(noteOf("strength", { name: "applying", changes: {}, typed: false }, live)).toMatchObject({ text: "Applying…", tone: "busy" });
  expect(noteOf("strength", applied(false), live)).toEqual({ text: "Applied", tone: "good", detail: "At block 7" });
  expect(noteOf("strength", applied(true), live).text).toBe("Will apply when you resume");
  expect(noteOf("reset", applied(false), live).text).toBe("Restarted");
});

it("an error looks like one", () => {
  const refused = (reason: string): Setting => ({ name: "refused", reason, changes: null });
  expect(noteOf("seed", refused("the model is restarting"), live)).toMatchObject({ text: "Not applied: the model is restarting", tone: "bad" });
  expect(noteOf("prompt", refused("Type a prompt first"), live)).toMatchObject({ text: "Type a prompt first", tone: "bad" });
});

it("a typed prompt says what becomes of it", () => {
  const typed: Setting = { name: "typed", changes: { prompt: "x" } };
  expect(noteOf("prompt", typed, live).text).toContain("press Apply");
  expect(noteOf("prompt", typed, { ...live, state: "idle" }).text).toContain("press Start");
});

it("a pause's note is true of the pause, not of the answer", () => {
  expect(noteOf("paused", applied(true), { ...live, held: { ...PARAMETERS, paused: true } }).text).toBe("Paused");
  expect(noteOf("paused", applied(false), live).text).toBe("Resumed");
});

it("a prompt that is too long says how much counts", () => {
  expect(lengthNote({ used: 64, given: 80 })).toContain("the first 64 of its 80");
  expect(lengthNote({ used: 64, given: 64 })).toBe("");
  expect(lengthNote(null)).toBe("");
});
