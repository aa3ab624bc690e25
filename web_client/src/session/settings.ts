// All settings: the session's parameters, overlaid by each control's pending changes.

import type { Acknowledgement, Changes, Parameters, PromptTokens, SessionStatus } from "../api/protocol";
import { acknowledge, overlayOf, reject, startApplying, SYNCED, syncWithSession, unconfirmedChanges } from "./control_state";
import type { ControlState } from "./control_state";
import { applyChanges, differences } from "./parameters";

export class Settings {
  /** The session's parameters; without a session, those that the next one starts with. */
  current: Parameters;
  private readonly states = new Map<string, ControlState>(); // by control: the path of its parameter
  private readonly prepared = new Map<string, Changes>(); // changes made since the last session
  private draggedControl: { control: string; changes: Changes } | null = null; // the slider being dragged
  private tokenCount: { texts: string; tokens: PromptTokens } | null = null; // of the newest prompts that were encoded

  constructor(
    private readonly preset: Parameters,
    private readonly changed: () => void,
  ) {
    this.current = preset;
  }

  stateOf(control: string): ControlState {
    return this.states.get(control) ?? SYNCED;
  }

  /** The most recently used of these controls. */
  lastUsed(controls: [string, ...string[]]): string {
    return [...this.states.keys()].findLast((control) => controls.includes(control)) ?? controls[0];
  }

  /** The parameters that the controls show. */
  get shown(): Parameters {
    return withOverlays(this.current, [...[...this.states.values()].map(overlayOf), this.draggedControl?.changes ?? null]);
  }

  /** Token counts of the shown prompt; null if it has not been encoded yet. */
  get promptTokens(): PromptTokens | null {
    return this.tokenCount?.texts === textsOf(this.shown) ? this.tokenCount.tokens : null;
  }

  /** The changes to the preset with which a new session starts. */
  get initialChanges(): Changes {
    return differences(this.preset, this.current);
  }

  /** Typed but not submitted. */
  type(control: string, changes: Changes): void {
    this.setState(control, syncWithSession({ name: "typed", changes }, this.current));
  }

  /** A dragged control shows the user's last value, whatever else changes the parameter meanwhile; null: released. */
  drag(dragged: { control: string; changes: Changes } | null): void {
    this.draggedControl = dragged;
    this.changed();
  }

  /** Sent, or queued until there is a connection. */
  apply(control: string, changes: Changes): void {
    this.updateDragged(control, changes);
    this.setState(control, startApplying(this.stateOf(control), changes));
  }

  /** For the next session, while there is none. */
  prepare(control: string, changes: Changes): void {
    this.updateDragged(control, changes);
    this.current = applyChanges(this.current, changes);
    this.prepared.delete(control); // re-inserted: later changes take precedence
    this.prepared.set(control, changes);
    this.setState(control, SYNCED);
  }

  /** Returns and clears the prepared changes by control: a resumed session has to apply them. */
  takePrepared(): Map<string, Changes> {
    const prepared = new Map(this.prepared);
    this.prepared.clear();
    return prepared;
  }

  acknowledge(controls: string[], { block, pending, parameters, prompt_tokens }: Acknowledgement): void {
    for (const control of controls) this.states.set(control, acknowledge(this.stateOf(control), block, pending, Date.now()));
    this.storeTokenCount(parameters, prompt_tokens);
    this.setCurrent(parameters);
  }

  reject(control: string, reason: string): void {
    this.setState(control, reject(this.stateOf(control), reason));
  }

  /** Updates the current parameters from telemetry, which may be older than an acknowledgement. */
  followTelemetry({ parameters, prompt_tokens }: Pick<SessionStatus, "parameters" | "prompt_tokens">): void {
    const confirmed = withOverlays(parameters, [...this.states.values()].map((state) => unconfirmedChanges(state, Date.now())));
    if (textsOf(confirmed) === textsOf(parameters)) this.storeTokenCount(parameters, prompt_tokens); // else telemetry is older than the acknowledgement
    this.setCurrent(confirmed);
  }

  /** Shows a parked session's parameters with the changes prepared since; it resumes unpaused. */
  previewSession(parameters: Parameters): void {
    this.setCurrent({ ...withOverlays(parameters, [...this.prepared.values()]), paused: false });
  }

  /** Replaces the current parameters, for example when a session was created or resumed. */
  setCurrent(parameters: Parameters): void {
    this.current = parameters;
    for (const [control, state] of this.states) this.states.set(control, syncWithSession(state, parameters));
    this.changed();
  }

  /**
   * The session has ended. Typed and unacknowledged changes are kept for the next one, which never starts paused;
   * the controls' notes are cleared.
   */
  endSession(): void {
    for (const [control, state] of [...this.states]) {
      const changes = overlayOf(state);
      if (changes !== null) this.prepare(control, changes);
    }
    this.current = { ...this.current, paused: false };
    this.states.clear();
    this.changed();
  }

  private storeTokenCount(parameters: Parameters, tokens: PromptTokens | null | undefined): void {
    if (tokens != null) this.tokenCount = { texts: textsOf(parameters), tokens };
  }

  private updateDragged(control: string, changes: Changes): void {
    if (this.draggedControl?.control === control) this.draggedControl = { control, changes };
  }

  private setState(control: string, state: ControlState): void {
    this.states.delete(control); // re-inserted, so that the most recently used is last
    this.states.set(control, state);
    this.changed();
  }
}

/** All texts of the prompt, to compare. */
function textsOf({ prompt, prompts }: Parameters): string {
  return JSON.stringify(prompts?.map(({ text }) => text) ?? [prompt]);
}

function withOverlays(parameters: Parameters, overlays: (Changes | null)[]): Parameters {
  return overlays.reduce<Parameters>((merged, changes) => (changes === null ? merged : applyChanges(merged, changes)), parameters);
}
