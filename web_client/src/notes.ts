// What is said beside each control: derived from its setting, so that no note outlives its truth.

import type { Parameters, PromptTokens } from "./protocol";
import { BLANK } from "./session/edits";
import type { Setting } from "./session/setting";
import type { SessionState } from "./session/session_state";
import type { Tone } from "./status_text";

export interface Note {
  text: string;
  tone: Tone;
  /** More, for whoever wants to know. */
  detail: string;
}

const NOTHING: Note = { text: "", tone: "quiet", detail: "" };

export interface NoteContext {
  held: Parameters;
  state: SessionState["name"];
}

export function noteOf(control: string, setting: Setting, context: NoteContext): Note {
  switch (setting.name) {
    case "held":
      return NOTHING;
    case "typed":
      return { ...NOTHING, tone: "busy", text: isStarted(context.state) ? "Not applied yet: press Apply" : "Will be used when you press Start" };
    case "applying":
      return { ...NOTHING, tone: "busy", text: context.state === "reconnecting" ? "Will be applied when the connection is back" : "Applying…" };
    case "refused":
      return { ...NOTHING, tone: "bad", text: setting.reason === BLANK ? BLANK : `Not applied: ${setting.reason}` };
    case "applied":
      return { tone: "good", text: applied(control, setting.pending, context.held), detail: `At block ${setting.block}` };
  }
}

function applied(control: string, pending: boolean, { paused }: Parameters): string {
  if (control === "paused") return paused ? "Paused" : "Resumed";
  if (pending) return "Will apply when you resume";
  return control === "reset" ? "Restarted" : "Applied";
}

/** How much of the prompt that holds counts; empty where all of it does. */
export function lengthNote(tokens: PromptTokens | null): string {
  if (tokens === null || tokens.used >= tokens.given) return "";
  return `Too long: only the first ${tokens.used} of its ${tokens.given} tokens (words or parts of words) are used.`;
}

function isStarted(state: SessionState["name"]): boolean {
  return state !== "idle" && state !== "failed";
}
