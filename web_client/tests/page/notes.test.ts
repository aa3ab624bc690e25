import { expect, it } from "vitest";
import { noteOf, promptTokensNote } from "../../src/page/notes";
import type { NoteContext } from "../../src/page/notes";
import type { ControlState } from "../../src/session/control_state";
import { PARAMETERS } from "../session/stream_fixture";

const live: NoteContext = { current: PARAMETERS, streamState: "live" };
const applied = (pending: boolean): ControlState => ({ name: "applied", changes: {}, block: 7, pending, at_ms: 0 });

it("a note shows its control's state", () => {
  expect(noteOf("strength", { name: "synced" }, live).text).toBe("");
  expect(noteOf("strength", { name: "applying", changes: {}, typed: false }, live)).toMatchObject({ text: "Applying…", tone: "busy" });
  expect(noteOf("strength", applied(false), live)).toEqual({ text: "Applied", tone: "success", tooltip: "At block 7" });
  expect(noteOf("strength", applied(true), live).text).toBe("Will apply when you resume");
  expect(noteOf("reset", applied(false), live).text).toBe("Restarted");
});

it("a rejection is shown as an error", () => {
  const rejected = (reason: string): ControlState => ({ name: "rejected", reason, changes: null });
  expect(noteOf("seed", rejected("the model is restarting"), live)).toMatchObject({ text: "Not applied: the model is restarting", tone: "error" });
  expect(noteOf("prompt", rejected("Type a prompt first"), live)).toMatchObject({ text: "Type a prompt first", tone: "error" });
});

it("the note of a typed prompt says when it will be used", () => {
  const typed: ControlState = { name: "typed", changes: { prompt: "x" } };
  expect(noteOf("prompt", typed, live).text).toContain("press Apply");
  expect(noteOf("prompt", typed, { ...live, streamState: "idle" }).text).toContain("press Start");
});

it("the note of a pause follows the current state, not the acknowledgement", () => {
  expect(noteOf("paused", applied(true), { ...live, current: { ...PARAMETERS, paused: true } }).text).toBe("Paused");
  expect(noteOf("paused", applied(false), live).text).toBe("Resumed");
});

it("the note of a too long prompt says how much of it is used", () => {
  expect(promptTokensNote({ used: 64, given: 80, unknown_words: [] })).toContain("the first 64 of its 80");
  expect(promptTokensNote({ used: 64, given: 64, unknown_words: [] })).toBe("");
  expect(promptTokensNote(null)).toBe("");
});

it("the note names words that the model does not know, beside a too long prompt, too", () => {
  expect(promptTokensNote({ used: 3, given: 3, unknown_words: ["robot"] })).toBe("The model does not know “robot”: it changes little or nothing.");
  expect(promptTokensNote({ used: 64, given: 80, unknown_words: ["robot", "castle"] })).toMatch(/first 64 of its 80.* “robot”, “castle”: they change/);
});
