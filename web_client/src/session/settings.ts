// All settings: what the session has, and over it what each control was asked for.

import type { Ack, Changes, Parameters } from "../protocol";
import { applyChanges, differences } from "./parameters";
import { acknowledged, applying, followed, HELD, overlay, promised, refused } from "./setting";
import type { Setting } from "./setting";

export class Settings {
  /** What the server's session has; while there is none, what the next one begins with. */
  held: Parameters;
  private readonly settings = new Map<string, Setting>(); // by control: the path of its parameter
  private readonly prepared = new Map<string, Changes>(); // since the last session

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
    return overlaid(this.held, [...this.settings.values()].map(overlay));
  }

  /** What a new session has to be asked for. */
  get wanted(): Changes {
    return differences(this.preset, this.held);
  }

  /** Typed into the control, and not sent. */
  type(control: string, changes: Changes): void {
    this.put(control, followed({ name: "typed", changes }, this.held));
  }

  /** Sent, or to be sent as soon as there is a connection. */
  apply(control: string, changes: Changes): void {
    this.put(control, applying(this.of(control), changes));
  }

  /** For the next session: there is none to ask. */
  prepare(control: string, changes: Changes): void {
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

  acknowledge(controls: string[], { block, pending, parameters }: Ack): void {
    for (const control of controls) this.settings.set(control, acknowledged(this.of(control), block, pending, Date.now()));
    this.hold(parameters);
  }

  refuse(control: string, reason: string): void {
    this.put(control, refused(this.of(control), reason));
  }

  /** Telemetry says what the session has. */
  follow(parameters: Parameters): void {
    const promises = [...this.settings.values()].map((setting) => promised(setting, parameters.paused, Date.now()));
    this.hold(overlaid(parameters, promises));
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

  private put(control: string, setting: Setting): void {
    this.settings.delete(control); // the newest comes last
    this.settings.set(control, setting);
    this.changed();
  }
}

function overlaid(parameters: Parameters, overlays: (Changes | null)[]): Parameters {
  return overlays.reduce<Parameters>((below, changes) => (changes === null ? below : applyChanges(below, changes)), parameters);
}
