// Resuming this tab's session after a reload: at once with a camera, or when the user has chosen the screen or file again.

import { ApiError } from "../api/client";
import type { Parameters, SessionCredentials } from "../api/protocol";
import type { SourceChoice, SourceKind } from "../media/source";
import type { SavedSession, SessionStore } from "./session_store";
import type { StreamController } from "./stream_controller";

interface SessionReader {
  session(credentials: SessionCredentials): Promise<{ parameters: Parameters }>;
}

interface Picker {
  readonly camera: SourceChoice;
  preselect(kind: SourceKind): void;
}

export class SessionRestore {
  private waiting: SavedSession | null = null; // parked by a reload; waits for a source

  constructor(
    private readonly store: SessionStore,
    private readonly api: SessionReader,
  ) {}

  /** Of the parked session that waits for a source; null: none. */
  get credentials(): SessionCredentials | null {
    return this.waiting?.credentials ?? null;
  }

  /**
   * A camera is reopened; a screen or file has to be chosen again. Of an ended session only the links are reused.
   * Returns whether a session continues, with its own settings.
   */
  restore(stream: StreamController, picker: Picker, canOpenCamera: boolean): boolean {
    const saved = this.store.take();
    if (saved === null) return false;
    if (saved.ended) {
      stream.rememberEnded(saved.credentials);
      return false;
    }
    picker.preselect(saved.sourceKind);
    if (saved.sourceKind === "camera" && canOpenCamera) void stream.start(picker.camera, saved.credentials);
    else this.waiting = saved;
    return true;
  }

  /** Updates the settings from the waiting session, which other clients may have changed or ended. */
  async refresh(stream: StreamController): Promise<void> {
    const { waiting } = this;
    if (waiting === null) return;
    try {
      const { parameters } = await this.api.session(waiting.credentials);
      if (this.waiting !== null && stream.state.name === "idle") stream.edits.settings.previewSession(parameters);
    } catch (error) {
      if (!(error instanceof ApiError)) return; // without a response its state is unknown
      stream.rememberEnded(waiting.credentials);
      this.waiting = null;
    }
  }

  /** The session is live again. */
  clear(): void {
    this.waiting = null;
  }

  /** The page is being unloaded: parks a live session and saves it; else the waiting one, or the last that ended. */
  save(stream: StreamController | null, sourceKind: SourceKind): void {
    const parked = stream?.parkOrStop() ?? null;
    const session = parked?.ended === false ? parked : (this.waiting ?? parked);
    if (session !== null) this.store.save({ ...session, sourceKind });
  }
}
