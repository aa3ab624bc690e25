// The state machine of one control: in sync with the session, typed, applying, applied or rejected.

import type { Changes, Parameters } from "../api/protocol";
import { containsChanges, isEqual } from "./parameters";

const TELEMETRY_LAG_MS = 1500; // telemetry sent before an acknowledgement may arrive after it

export type ControlState =
  /** Shows the session's value. */
  | { name: "synced" }
  /** Shows typed text that was not submitted. */
  | { name: "typed"; changes: Changes }
  /** Shows the requested value until the response. `typed`: it was typed text. */
  | { name: "applying"; changes: Changes; typed: boolean }
  /** Shows the session's value, set by this control. `pending`: it takes effect when the session resumes. */
  | { name: "applied"; changes: Changes; block: number; pending: boolean; at_ms: number }
  /** Shows the session's value, or the typed text (`changes`), and why the change was rejected. */
  | { name: "rejected"; reason: string; changes: Changes | null };

export const SYNCED: ControlState = { name: "synced" };

/** The control's changes shown over the session's parameters; null if it shows the session's value. */
export function overlayOf(state: ControlState): Changes | null {
  return state.name === "synced" || state.name === "applied" ? null : state.changes;
}

export function startApplying(state: ControlState, changes: Changes): ControlState {
  return { name: "applying", changes, typed: isEqual(typedChanges(state), changes) };
}

/** Typed text is kept after a rejection; anything else returns to the session's value. */
export function reject(state: ControlState, reason: string): ControlState {
  return { name: "rejected", reason, changes: typedChanges(state) };
}

function typedChanges(state: ControlState): Changes | null {
  if (state.name === "typed" || state.name === "rejected") return state.changes;
  return state.name === "applying" && state.typed ? state.changes : null;
}

export function acknowledge(state: ControlState, block: number, pending: boolean, at_ms: number): ControlState {
  return state.name === "applying" ? { name: "applied", changes: state.changes, block, pending, at_ms } : state;
}

/** Acknowledged changes that telemetry may not show yet; null if telemetry is up to date. */
export function unconfirmedChanges(state: ControlState, now_ms: number): Changes | null {
  return state.name === "applied" && now_ms - state.at_ms < TELEMETRY_LAG_MS ? state.changes : null;
}

/** The next state when the session has these parameters, set by any client. */
export function syncWithSession(state: ControlState, current: Parameters): ControlState {
  if (state.name === "typed") return containsChanges(current, state.changes) ? SYNCED : state;
  if (state.name !== "applied") return state;
  if (!containsChanges(current, state.changes)) return SYNCED; // changed by another client since
  return state.pending && !current.paused ? { ...state, pending: false } : state;
}
