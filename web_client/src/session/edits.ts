// The user's changes: sent to the current session until acknowledged, or kept for the next one.

import type { Changes, Parameters } from "../api/protocol";
import { NOTES } from "../texts";
import { ChangeQueue } from "./change_queue";
import type { RemoteSession } from "./remote_session";
import { Settings } from "./settings";

export class Edits {
  readonly settings: Settings;
  private queue: ChangeQueue | null = null; // null: no session

  constructor(preset: Parameters, changed: (settings: Settings) => void) {
    this.settings = new Settings(preset, () => {
      changed(this.settings);
    });
  }

  /** Whether a session can start with these settings; if not, the prompt's note says why. */
  checkStart(): boolean {
    return !this.rejectBlankPrompt("prompt", this.settings.current);
  }

  /** Changes go to this session from now on, once it is connected. */
  attach(session: RemoteSession, run: AbortSignal): void {
    const { settings } = this;
    const events = {
      acknowledged: settings.acknowledge.bind(settings),
      rejected: settings.reject.bind(settings),
    };
    this.queue = new ChangeQueue((changes, signal) => session.update(changes, signal), events, run);
  }

  /** Takes over the session's parameters; a resumed session is sent the changes made since. */
  sessionOpened(parameters: Parameters, resumed: boolean): void {
    const prepared = this.settings.takePrepared();
    this.settings.setCurrent(parameters);
    if (resumed) for (const [control, changes] of prepared) this.request(control, changes);
  }

  connected(): void {
    this.queue?.open();
  }

  /** Unacknowledged changes are sent again over the next connection. */
  disconnected(): void {
    this.queue?.close();
  }

  /** The session has ended. */
  detach(): void {
    this.queue = null;
    this.settings.endSession();
  }

  /** `control` is the parameter's path. */
  change(control: string, changes: Changes): void {
    if (this.rejectBlankPrompt(control, changes)) return;
    if (this.queue === null) this.settings.prepare(control, changes);
    else this.request(control, changes);
  }

  private request(control: string, changes: Changes): void {
    this.settings.apply(control, changes);
    this.queue?.enqueue(control, changes);
  }

  private rejectBlankPrompt(control: string, { prompt }: Changes): boolean {
    const isBlank = prompt?.trim() === "";
    if (isBlank) this.settings.reject(control, NOTES.blankPrompt);
    return isBlank;
  }
}
