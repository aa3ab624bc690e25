// The stream's media connection: opened for a run, and opened again whenever it is lost.

import type { SessionStatus } from "../api/protocol";
import { MediaConnectionLost } from "../media/errors";
import type { LinkStats } from "../media/link_meter";
import { REASONS } from "../texts";
import type { Edits } from "./edits";
import type { OutgoingMedia } from "./outgoing_media";
import { isAborted } from "./promises";
import { Reconnector } from "./reconnector";
import { logFailure } from "./remote_session";
import type { RemoteSession } from "./remote_session";
import { SceneReset } from "./scene_reset";
import { SessionConnection } from "./session_connection";
import type { StreamDependencies, StreamEvents } from "./stream_interfaces";

export interface StreamConnectionEvents {
  /** The picture that arrives; null: none. */
  result: (stream: MediaStream | null) => void;
  frameNamed: StreamEvents["frameNamed"];
  live: () => void;
  /** `reason`: of the last failure; null during an attempt. */
  reconnecting: (attempt: number, reason: string | null) => void;
  telemetry: (status: SessionStatus, link: LinkStats | null) => void;
  /** A lost connection could not be opened again. */
  failed: (error: unknown) => void;
}

/** One run from Start to Stop. */
interface Run {
  remote: RemoteSession;
  signal: AbortSignal; // aborted at its end
}

export class StreamConnection {
  private current: SessionConnection | null = null;
  private liveRun: Run | null = null; // null: no media flows
  private readonly sceneReset = new SceneReset(() => {
    this.resetScene();
  });
  private readonly reconnector = new Reconnector((attempt, reason) => {
    this.events.reconnecting(attempt, reason);
  });

  constructor(
    private readonly dependencies: StreamDependencies,
    private readonly media: OutgoingMedia,
    private readonly edits: Edits,
    private readonly events: StreamConnectionEvents,
  ) {}

  /** Resolves when media flows; throws otherwise. */
  async open(run: Run): Promise<void> {
    const connection = this.newConnection(run);
    this.current = connection;
    await connection.open(this.media.newSession(this.dependencies.preset, this.edits.settings.initialChanges));
    if (isAborted(run.signal)) return;
    this.liveRun = run;
    this.events.live();
    this.edits.connected();
  }

  /** Sends another source's picture; the model forgets the old one. */
  async replaceVideo(stream: MediaStream): Promise<void> {
    await this.current?.replaceVideo(stream);
    this.sceneReset.schedule();
  }

  async replaceAudio(track: MediaStreamTrack | null): Promise<void> {
    await this.current?.replaceAudio(track);
  }

  async limitEncoding(): Promise<void> {
    await this.current?.limitEncoding();
  }

  /** While reconnecting: retries without waiting. */
  retryNow(): void {
    this.reconnector.retryNow();
  }

  close(): void {
    this.liveRun = null;
    this.sceneReset.cancel();
    this.edits.disconnected();
    this.current?.close();
    this.current = null;
  }

  private newConnection(run: Run): SessionConnection {
    return new SessionConnection(
      {
        iceServers: () => this.dependencies.api.iceServers(),
        openPeer: (iceServers, events) => this.dependencies.openPeer(this.video(), this.media.audioTrack, iceServers, events),
        session: run.remote,
      },
      {
        media: this.events.result,
        frameNamed: this.events.frameNamed,
        sessionOpened: (parameters, resumed) => {
          this.edits.sessionOpened(parameters, resumed);
        },
        telemetry: (status, link) => {
          this.sceneReset.updateLatency(status.stats);
          this.events.telemetry(status, link);
        },
        lost: (reason) => void this.reconnect(reason, run),
      },
    );
  }

  private video(): MediaStream {
    if (this.media.video === null) throw new MediaConnectionLost(REASONS.noSource);
    return this.media.video;
  }

  private async reconnect(reason: string, run: Run): Promise<void> {
    this.close();
    this.events.result(null);
    try {
      if (this.media.video === null) throw new MediaConnectionLost(reason);
      await this.reconnector.run(() => this.open(run), reason, run.signal);
    } catch (error) {
      this.events.failed(error);
    }
  }

  private resetScene(): void {
    if (this.liveRun === null) return;
    const { remote, signal } = this.liveRun;
    remote.update({ reset: true }, signal).catch(logFailure("the reset for the new source failed:"));
  }
}
