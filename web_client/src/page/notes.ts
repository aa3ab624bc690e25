// The note beside each control, derived from the control's state on every update, so that it is never stale.

import type { Parameters, PromptTokens } from "../api/protocol";
import type { ControlState } from "../session/control_state";
import type { StreamState } from "../session/stream_state";
import { NOTES } from "../texts";
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
      return { ...EMPTY_NOTE, tone: "busy", text: isStreaming(context.streamState) ? NOTES.typedLive : NOTES.typed };
    case "applying":
      return { ...EMPTY_NOTE, tone: "busy", text: context.streamState === "reconnecting" ? NOTES.applyingOffline : NOTES.applying };
    case "rejected":
      return { ...EMPTY_NOTE, tone: "error", text: setting.reason === NOTES.blankPrompt ? setting.reason : NOTES.notApplied(setting.reason) };
    case "applied":
      return { tone: "success", text: appliedText(control, setting.pending, context.current), tooltip: NOTES.appliedAt(setting.block) };
  }
}

function appliedText(control: string, pending: boolean, { paused }: Parameters): string {
  if (control === "paused") return paused ? NOTES.paused : NOTES.resumed;
  if (pending) return NOTES.pending;
  return control === "reset" ? NOTES.restarted : NOTES.applied;
}

/** What has no effect: the end of a too long prompt, and words that the model does not know. */
export function promptTokensNote(tokens: PromptTokens | null): string {
  if (tokens === null) return "";
  const { used, given, unknown_words } = tokens;
  const notes = [used < given ? NOTES.promptTooLong(used, given) : "", unknown_words.length > 0 ? NOTES.unknownWords(unknown_words) : ""];
  return notes.filter((note) => note !== "").join(" ");
}

function isStreaming(state: StreamState["name"]): boolean {
  return state !== "idle" && state !== "failed";
}
