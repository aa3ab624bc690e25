// All settings: what the session has, and over it what each control was asked for.

import type { Ack, Changes, Parameters, PromptTokens, Status } from "../protocol";
import { applyChanges, differences } from "./parameters";
import { acknowledged, applying, followed, HELD, overlay, promised, refused } from "./setting";
import type { Setting } from "./setting";

export class Settings {
  /** What the server's session has; while there is none, what the next one begins with. */
  held: Parameters;
  private readonly settings = new Map<string, Setting>(); // by control: the path of its parameter
  private readonly prepared = new Map<string, Changes>(); // since the last session
  private grabbed: { control: string; changes: Changes } | null = null; // a slider under the user's finger
  private read: { prompt: string; tokens: PromptTokens } | null = null; // of the newest prompt that a model has read

  constructor(
    private readonly preset: Parameters,
    private readonly changed: () => void,
  ) {
    this.held = preset;
  }

  of(control: string): Setting {
    return this.settings.get(control) ?? HELD;
  }

  /** The one of these that was used last. */
  newest(controls: [string, ...string[]]): string {
    return [...this.settings.keys()].findLast((control) => controls.includes(control)) ?? controls[0];
  }

  /** What the controls show. */
  get shown(): Parameters {
    return overlaid(this.held, [...[...this.settings.values()].map(overlay), this.grabbed?.changes ?? null]);
  }

  /** How much is read of the prompt that is shown; null where no model has read it yet. */
  get tokens(): PromptTokens | null {
    return this.read?.prompt === this.shown.prompt ? this.read.tokens : null;
  }

  /** What a new session has to be asked for. */
  get wanted(): Changes {
    return differences(this.preset, this.held);
  }

  /** Typed into the control, and not sent. */
  type(control: string, changes: Changes): void {
    this.put(control, followed({ name: "typed", changes }, this.held));
  }

  /** A control under the user's finger shows what it was set to last, whoever else sets it meanwhile; null: let go. */
  grab(grabbed: { control: string; changes: Changes } | null): void {
    this.grabbed = grabbed;
    this.changed();
  }

  /** Sent, or to be sent as soon as there is a connection. */
  apply(control: string, changes: Changes): void {
    this.move(control, changes);
    this.put(control, applying(this.of(control), changes));
  }

  /** For the next session: there is none to ask. */
  prepare(control: string, changes: Changes): void {
    this.move(control, changes);
    this.held = applyChanges(this.held, changes);
    this.prepared.set(control, changes);
    this.put(control, HELD);
  }

  /** What was prepared, by control: a session that goes on has to be asked for it. */
  takePrepared(): Map<string, Changes> {
    const prepared = new Map(this.prepared);
    this.prepared.clear();
    return prepared;
  }

  acknowledge(controls: string[], { block, pending, parameters, prompt_tokens }: Ack): void {
    for (const control of controls) this.settings.set(control, acknowledged(this.of(control), block, pending, Date.now()));
    this.note(parameters.prompt, prompt_tokens);
    this.hold(parameters);
  }

  refuse(control: string, reason: string): void {
    this.put(control, refused(this.of(control), reason));
  }

  /** Telemetry says what the session has. */
  follow({ parameters, prompt_tokens }: Pick<Status, "parameters" | "prompt_tokens">): void {
    const held = overlaid(parameters, [...this.settings.values()].map((setting) => promised(setting, Date.now())));
    if (held.prompt === parameters.prompt) this.note(parameters.prompt, prompt_tokens); // else it is older than the acknowledgement
    this.hold(held);
  }

  /** A session that waits for this page has these, and what was set here since; it goes on without its pause. */
  expect(parameters: Parameters): void {
    this.hold({ ...overlaid(parameters, [...this.prepared.values()]), paused: false });
  }

  /** The session has just these: it was begun or resumed. */
  hold(parameters: Parameters): void {
    this.held = parameters;
    for (const [control, setting] of this.settings) this.settings.set(control, followed(setting, parameters));
    this.changed();
  }

  /**
   * The session is over. What was typed or under way is for the next one, which never starts paused; notes of this one
   * mean nothing there.
   */
  end(): void {
    for (const [control, setting] of [...this.settings]) {
      const changes = overlay(setting);
      if (changes !== null) this.prepare(control, changes);
    }
    this.held = { ...this.held, paused: false };
    this.settings.clear();
    this.changed();
  }

  private note(prompt: string, tokens: PromptTokens | null | undefined): void {
    if (tokens != null) this.read = { prompt, tokens };
  }

  private move(control: string, changes: Changes): void {
    if (this.grabbed?.control === control) this.grabbed = { control, changes };
  }

  private put(control: string, setting: Setting): void {
    this.settings.delete(control); // the newest comes last
    this.settings.set(control, setting);
    this.changed();
  }
}

function overlaid(parameters: Parameters, overlays: (Changes | null)[]): Parameters {
  return overlays.reduce<Parameters>((below, changes) => (changes === null ? below : applyChanges(below, changes)), parameters);
}
