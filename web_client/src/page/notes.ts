// The note beside each control, derived from the control's state on every update, so that it is never stale.

import type { Parameters, PromptTokens } from "../api/protocol";
import type { ControlState } from "../session/control_state";
import { BLANK_PROMPT_TEXT } from "../session/edits";
import type { StreamState } from "../session/stream_state";
import type { Tone } from "./pill";

export interface Note {
  text: string;
  tone: Tone;
  /** Details, as a tooltip. */
  tooltip: string;
}

const EMPTY_NOTE: Note = { text: "", tone: "neutral", tooltip: "" };

export interface NoteContext {
  current: Parameters;
  streamState: StreamState["name"];
}

export function noteOf(control: string, setting: ControlState, context: NoteContext): Note {
  switch (setting.name) {
    case "synced":
      return EMPTY_NOTE;
    case "typed":
      return { ...EMPTY_NOTE, tone: "busy", text: isStreaming(context.streamState) ? "Not applied yet: press Apply" : "Will be used when you press Start" };
    case "applying":
      return { ...EMPTY_NOTE, tone: "busy", text: context.streamState === "reconnecting" ? "Will be applied when the connection is back" : "Applying…" };
    case "refused":
      return { ...EMPTY_NOTE, tone: "error", text: setting.reason === BLANK_PROMPT_TEXT ? BLANK_PROMPT_TEXT : `Not applied: ${setting.reason}` };
    case "applied":
      return { tone: "success", text: appliedText(control, setting.pending, context.current), tooltip: `At block ${setting.block}` };
  }
}

function appliedText(control: string, pending: boolean, { paused }: Parameters): string {
  if (control === "paused") return paused ? "Paused" : "Resumed";
  if (pending) return "Will apply when you resume";
  return control === "reset" ? "Restarted" : "Applied";
}

/** How much of a too long prompt is used; empty if all of it is. */
export function promptLengthNote(tokens: PromptTokens | null): string {
  if (tokens === null || tokens.used >= tokens.given) return "";
  return `Too long: only the first ${tokens.used} of its ${tokens.given} tokens (words or parts of words) are used.`;
}

function isStreaming(state: StreamState["name"]): boolean {
  return state !== "idle" && state !== "failed";
}
