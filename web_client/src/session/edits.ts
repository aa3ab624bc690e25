// What the user sets: kept for the next session, or asked of the one that there is, until it is acknowledged.

import type { Changes, Parameters } from "../protocol";
import { ChangeQueue } from "./change_queue";
import type { ServerSession } from "./server_session";
import { Settings } from "./settings";

export const BLANK = "Type a prompt first";

export class Edits {
  readonly settings: Settings;
  private queue: ChangeQueue | null = null; // null: there is no session to ask

  constructor(preset: Parameters, changed: (settings: Settings) => void) {
    this.settings = new Settings(preset, () => {
      changed(this.settings);
    });
  }

  /** False, and said beside the prompt, where no session could begin with what is set. */
  mayBegin(): boolean {
    return !this.refuseBlank("prompt", this.settings.held);
  }

  /** From now on changes go to this session, as soon as it is connected. */
  begin(server: ServerSession, run: AbortSignal): void {
    const { settings } = this;
    const events = {
      acknowledged: settings.acknowledge.bind(settings),
      refused: settings.refuse.bind(settings),
    };
    this.queue = new ChangeQueue((changes, signal) => server.update(changes, signal), events, run);
  }

  /** What the session has. One that goes on is asked for what was set since. */
  adopt(parameters: Parameters, resumed: boolean): void {
    const prepared = this.settings.takePrepared();
    this.settings.hold(parameters);
    if (resumed) for (const [control, changes] of prepared) this.ask(control, changes);
  }

  connected(): void {
    this.queue?.open();
  }

  /** What was not acknowledged is asked again over the next connection. */
  disconnected(): void {
    this.queue?.close();
  }

  /** The session is over. */
  end(): void {
    this.queue = null;
    this.settings.end();
  }

  /** `control` is the parameter's path. */
  change(control: string, changes: Changes): void {
    if (this.refuseBlank(control, changes)) return;
    if (this.queue === null) this.settings.prepare(control, changes);
    else this.ask(control, changes);
  }

  private ask(control: string, changes: Changes): void {
    this.settings.apply(control, changes);
    this.queue?.put(control, changes);
  }

  private refuseBlank(control: string, { prompt }: Changes): boolean {
    const isBlank = prompt?.trim() === "";
    if (isBlank) this.settings.refuse(control, BLANK);
    return isBlank;
  }
}
