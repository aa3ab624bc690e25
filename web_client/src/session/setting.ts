// One control: whether it shows what holds, what was typed, or what is on its way to the model; a state machine.

import type { Changes, Parameters } from "../protocol";
import { hasChanges, isEqual } from "./parameters";

const SETTLE_MS = 1500; // telemetry that was sent before an acknowledgement may come after it

export type Setting =
  /** Shows what the session has. */
  | { name: "held" }
  /** Shows what was typed; nobody was asked for it yet. */
  | { name: "typed"; changes: Changes }
  /** Shows what was asked for, until the answer comes. */
  | { name: "applying"; changes: Changes; typed: boolean }
  /** Shows what the session has, which this control asked for. `pending`: it takes effect when the pause ends. */
  | { name: "applied"; changes: Changes; block: number; pending: boolean; at_ms: number }
  /** Shows what the session has, or still what was typed; says why the change was refused. */
  | { name: "refused"; reason: string; changes: Changes | null };

export const HELD: Setting = { name: "held" };

/** What the control asks for now over what the session has; null where it shows just that. */
export function overlay(setting: Setting): Changes | null {
  return setting.name === "held" || setting.name === "applied" ? null : setting.changes;
}

export function applying(setting: Setting, changes: Changes): Setting {
  return { name: "applying", changes, typed: isEqual(typedText(setting), changes) };
}

/** A typed text outlives a refusal: nobody types it again. Anything else goes back to what holds. */
export function refused(setting: Setting, reason: string): Setting {
  return { name: "refused", reason, changes: typedText(setting) };
}

function typedText(setting: Setting): Changes | null {
  if (setting.name === "typed" || setting.name === "refused") return setting.changes;
  return setting.name === "applying" && setting.typed ? setting.changes : null;
}

export function acknowledged(setting: Setting, block: number, pending: boolean, at_ms: number): Setting {
  return setting.name === "applying" ? { name: "applied", changes: setting.changes, block, pending, at_ms } : setting;
}

/** What an acknowledgement promised and telemetry may not know yet; null where telemetry is to be believed. */
export function promised(setting: Setting, now_ms: number): Changes | null {
  return setting.name === "applied" && now_ms - setting.at_ms < SETTLE_MS ? setting.changes : null;
}

/** The session has these parameters now, whoever set them. */
export function followed(setting: Setting, held: Parameters): Setting {
  if (setting.name === "typed") return hasChanges(held, setting.changes) ? HELD : setting;
  if (setting.name !== "applied") return setting;
  if (!hasChanges(held, setting.changes)) return HELD; // somebody else has changed it since
  return setting.pending && !held.paused ? { ...setting, pending: false } : setting;
}
