// The user's stream from Start to Stop: opens the source, connects, reconnects, reports its state.

import { ApiError } from "../api/client";
import type { SessionCredentials, SessionStatus } from "../api/protocol";
import { PickerCancelled } from "../media/errors";
import type { LinkStats } from "../media/link_meter";
import type { SourceChoice } from "../media/source";
import { REASONS } from "../texts";
import { Edits } from "./edits";
import { OutgoingMedia } from "./outgoing_media";
import { problemOf, SessionFailed } from "./problems";
import type { Problem } from "./problems";
import { isAborted } from "./promises";
import { logFailure, RemoteSession } from "./remote_session";
import { StreamConnection } from "./stream_connection";
import type { StreamDependencies, StreamEvents } from "./stream_interfaces";
import type { StreamState } from "./stream_state";

export class StreamController {
  state: StreamState = { name: "idle" };
  readonly edits: Edits;
  private run = new AbortController(); // aborted at the end of one run from Start to Stop
  private remote: RemoteSession;
  private endedSession: SessionCredentials | null = null; // the next session reuses its id and links
  private readonly media: OutgoingMedia;
  private readonly connection: StreamConnection;

  constructor(
    private readonly dependencies: StreamDependencies,
    private readonly events: StreamEvents,
  ) {
    this.edits = new Edits(dependencies.preset.parameters, events.settingsChanged);
    this.remote = new RemoteSession(dependencies.api, dependencies.sessionName);
    this.media = new OutgoingMedia(dependencies.openSource, {
      source: events.source,
      sound: events.sound,
      notice: events.notice,
      audioTrack: (track) => {
        this.connection.replaceAudio(track).catch(logFailure("the sound was not changed:"));
      },
      sourceEnded: (problem) => {
        this.handleSourceEnd(problem);
      },
    });
    this.connection = new StreamConnection(dependencies, this.media, this.edits, {
      result: events.result,
      frameNamed: events.frameNamed,
      live: () => {
        this.setState({ name: "live" });
      },
      reconnecting: (attempt, reason) => {
        this.setState({ name: "reconnecting", reason, attempt });
      },
      telemetry: (status, link) => {
        this.handleTelemetry(status, link);
      },
      failed: (error) => {
        this.failWith(error);
      },
    });
  }

  get credentials(): SessionCredentials | null {
    return this.remote.credentials;
  }

  /** `credentials`: a session to resume, if the server still has it. */
  async start(choice: SourceChoice, credentials: SessionCredentials | null = null): Promise<void> {
    this.end();
    if (!this.edits.checkStart()) {
      this.setState({ name: "idle" });
      return;
    }
    const { signal } = (this.run = new AbortController());
    this.remote = new RemoteSession(this.dependencies.api, this.dependencies.sessionName, credentials, this.endedSession);
    try {
      this.setState({ name: "opening", kind: choice.kind });
      await this.media.open(choice);
      if (isAborted(signal)) return;
      this.edits.attach(this.remote, signal);
      this.setState({ name: "connecting" });
      await this.connection.open({ remote: this.remote, signal });
    } catch (error) {
      if (isAborted(signal)) return;
      if (error instanceof PickerCancelled) this.cancelStart();
      else this.failWith(error);
    }
  }

  stop(): void {
    this.end();
    this.setState({ name: "idle" });
  }

  /** The page is being unloaded: parks a live session and returns it, or else the last ended one. */
  parkOrStop(): { credentials: SessionCredentials; ended: boolean } | null {
    const credentials = this.remote.park();
    this.stop();
    if (credentials !== null) return { credentials, ended: false };
    return this.endedSession === null ? null : { credentials: this.endedSession, ended: true };
  }

  /** The next session reuses this ended session's id and links. */
  rememberEnded(ended: SessionCredentials): void {
    this.endedSession = ended;
  }

  /** While reconnecting: retries without waiting. */
  retryNow(): void {
    this.connection.retryNow();
  }

  /** Devices or permissions have changed: clears failures to open a device. */
  devicesChanged(): void {
    this.media.notices.devicesChanged();
    if (this.state.name === "failed" && this.state.problem.kind === "device") this.stop();
  }

  /** Dismisses the notice that is shown. */
  dismiss(): void {
    this.media.notices.dismiss();
  }

  /** Sends another source from now on; keeps the old one if the new one cannot be opened. */
  async switchSource(choice: SourceChoice): Promise<void> {
    const { signal } = this.run;
    if (this.state.name === "opening") return this.restart(choice);
    try {
      const source = await this.media.open(choice);
      if (source === null) return;
      this.media.notices.clear("source");
      await this.connection.replaceVideo(source.stream);
    } catch (error) {
      if (!isAborted(signal) && !(error instanceof PickerCancelled)) this.media.notices.put("source", problemOf(error));
    }
  }

  /** Starts or stops sending the source's sound. */
  setSoundEnabled(on: boolean): void {
    const choice = this.media.setSoundEnabled(on);
    if (choice !== null) void this.switchSource(choice);
  }

  /** The source's size has changed. */
  limitEncoding(): void {
    this.connection.limitEncoding().catch(logFailure("the encoding was not adapted to the source's size:"));
  }

  /** Back to idle. A session to resume stays parked for another start. */
  private cancelStart(): void {
    this.remote.credentials = null;
    this.stop();
  }

  private restart(choice: SourceChoice): Promise<void> {
    const { credentials } = this.remote;
    this.remote.credentials = null;
    return this.start(choice, credentials);
  }

  /** A live session continues without a source; otherwise the stream fails. */
  private handleSourceEnd(problem: Problem): void {
    if (this.state.name === "live") this.media.notices.put("source", problem);
    else this.fail(problem);
  }

  private handleTelemetry(status: SessionStatus, link: LinkStats | null): void {
    this.edits.settings.followTelemetry(status);
    this.events.status(status, link);
    if (status.state === "failed") this.failWith(new SessionFailed(status.reason ?? REASONS.noneGiven));
  }

  private failWith(error: unknown): void {
    this.fail(problemOf(error));
    if (error instanceof ApiError && error.path !== null) this.edits.settings.reject(error.path, error.message);
  }

  private fail(problem: Problem): void {
    this.end();
    this.setState({ name: "failed", problem });
  }

  private end(): void {
    this.run.abort();
    this.connection.close();
    this.media.close();
    this.endedSession = this.remote.credentials ?? this.endedSession;
    this.remote.end();
    this.edits.detach();
    this.events.result(null);
  }

  private setState(state: StreamState): void {
    this.state = state;
    this.events.state(state);
  }
}
