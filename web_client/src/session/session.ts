// One person's stream from Start to Stop: opens the source, connects, keeps connected, says what state it is in.

import { Refused } from "../api";
import { Cancelled, ENDED, isTransient, MediaLost, problemOf, SessionFailed, soundProblemOf } from "../problems";
import type { Problem } from "../problems";
import type { PeerEvents } from "../peer";
import { Wait } from "../promises";
import type { Place, Preset, Status } from "../protocol";
import type { Source, SourceChoice, SourceKind } from "../source";
import { Edits } from "./edits";
import { Feed } from "./feed";
import { Link } from "./link";
import type { Connection } from "./link";
import { ServerSession, warnOf } from "./server_session";
import type { SessionApi } from "./server_session";
import type { Settings } from "./settings";
import { Sound } from "./sound";
import type { SoundState } from "./sound";

const FIRST_WAIT_MS = 500; // before a reconnection; doubles each time
const LONGEST_WAIT_MS = 8000;
const SWITCH_MS = 300; // until a new source's first picture goes out
const LONGEST_SWITCH_MS = 3000;

export type SessionState =
  | { name: "idle" }
  | { name: "opening"; kind: SourceKind }
  | { name: "connecting" }
  | { name: "live" }
  /** `reason`: of the newest failure; null while it is tried again. */
  | { name: "reconnecting"; reason: string | null; attempt: number }
  | { name: "failed"; problem: Problem };

/** What a session needs from its surroundings. */
export interface Surroundings {
  preset: Preset;
  openSource: (choice: SourceChoice, sound: boolean) => Promise<Source>;
  openPeer: (video: MediaStream, audio: MediaStreamTrack | null, iceServers: RTCIceServer[], events: PeerEvents) => Connection;
  api: SessionApi & { iceServers(): Promise<RTCIceServer[]> };
}

export interface SessionEvents {
  state: (state: SessionState) => void;
  /** What is sent; null where nothing is. */
  source: (source: Source | null) => void;
  /** What went wrong with a source while the session goes on; null when that is over. */
  notice: (problem: Problem | null) => void;
  result: (stream: MediaStream | null) => void;
  status: (status: Status) => void;
  settings: (settings: Settings) => void;
  sound: (state: SoundState) => void;
}

export class Session {
  state: SessionState = { name: "idle" };
  readonly edits: Edits;
  private readonly sound: Sound;
  private run = new AbortController(); // from one start to its end
  private server: ServerSession;
  private link: Link | null = null;
  private ended: Place | null = null; // the newest session that was: the next goes on under its links
  private readonly wait = new Wait();
  private readonly feed: Feed;
  private resetTimer: ReturnType<typeof setTimeout> | undefined;
  private fill_ms = 0; // from a picture to the block that it is in

  constructor(
    private readonly around: Surroundings,
    private readonly events: SessionEvents,
  ) {
    this.edits = new Edits(around.preset.parameters, events.settings);
    this.server = new ServerSession(around.api, null);
    this.sound = new Sound({
      state: events.sound,
      track: (track) => {
        this.link?.replaceAudio(track).catch(warnOf("the sound was not changed:"));
      },
      failed: (error) => {
        events.notice(soundProblemOf(error));
      },
    });
    this.feed = new Feed((choice) => around.openSource(choice, this.sound.isWanted), {
      changed: (source) => {
        this.sound.follow(source);
        events.source(source);
      },
      ended: (source) => {
        this.lackSource(ENDED[source.choice.kind]);
      },
    });
  }

  get place(): Place | null {
    return this.server.place;
  }

  /** `place`: a session to go on with, where the server still has it. */
  async start(choice: SourceChoice, place: Place | null = null): Promise<void> {
    this.end();
    if (!this.edits.mayBegin()) return;
    const { signal } = (this.run = new AbortController());
    this.server = new ServerSession(this.around.api, place, this.ended);
    try {
      this.become({ name: "opening", kind: choice.kind });
      await this.feed.take(choice);
      if (isOver(signal)) return;
      this.edits.begin(this.server, signal);
      this.become({ name: "connecting" });
      await this.connect(signal);
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof Cancelled) this.abandon();
      else this.failWith(error);
    }
  }

  stop(): void {
    this.end();
    this.become({ name: "idle" });
  }

  /** The page goes away, perhaps to come back: returns what to come back to. */
  leave(): Place | null {
    const place = this.server.park();
    this.stop();
    return place;
  }

  /** While reconnecting: tries at once instead of waiting. */
  retryNow(): void {
    this.wait.cutShort();
  }

  /** Sends another source from now on. Where that cannot be opened the old one stays. */
  async switchSource(choice: SourceChoice): Promise<void> {
    const { signal } = this.run;
    if (this.state.name === "opening") return this.restart(choice);
    try {
      const source = await this.feed.take(choice);
      if (source === null) return;
      this.events.notice(null);
      await this.link?.replaceVideo(source.stream);
      this.resetSoon();
    } catch (error) {
      if (!isOver(signal) && !(error instanceof Cancelled)) this.events.notice(problemOf(error));
    }
  }

  /** Sends the source's sound too, or no more. */
  switchSound(on: boolean): void {
    const source = this.feed.source;
    this.sound.switch(on);
    if (on && source?.isSilent === true) void this.switchSource(source.choice); // its picker asks for both at once
  }

  /** The source's size has changed. */
  fit(): void {
    this.link?.fit().catch(warnOf("the source's size was not followed:"));
  }

  /** As if nothing had been started: a session to go on with is left to another try. */
  private abandon(): void {
    this.server.place = null;
    this.stop();
  }

  /** What the model remembers is another scene, and shows through: reset it, once the old pictures are through. */
  private resetSoon(): void {
    clearTimeout(this.resetTimer);
    const { server, run } = this;
    this.resetTimer = setTimeout(
      () => {
        if (this.state.name === "live") server.update({ reset: true }, run.signal).catch(warnOf("no reset for the new source:"));
      },
      Math.min(LONGEST_SWITCH_MS, SWITCH_MS + 2 * this.fill_ms),
    );
  }

  private restart(choice: SourceChoice): Promise<void> {
    const { place } = this.server;
    this.server.place = null;
    return this.start(choice, place);
  }

  /** A live session goes on without a source; one that has yet to connect does not. */
  private lackSource(problem: Problem): void {
    if (this.state.name === "live") this.events.notice(problem);
    else this.fail(problem);
  }

  /** Resolves when media flows; throws when it does not come to that. */
  private async connect(signal: AbortSignal): Promise<void> {
    const { server } = this;
    const link = new Link(
      {
        iceServers: () => this.around.api.iceServers(),
        openPeer: (iceServers, events) => this.around.openPeer(this.video(), this.sound.track, iceServers, events),
        server,
      },
      {
        media: this.events.result,
        answered: (parameters, resumed) => {
          this.edits.adopt(parameters, resumed);
        },
        telemetry: (status) => {
          this.follow(status);
        },
        lost: (reason) => void this.reconnect(reason, signal),
      },
    );
    this.link = link;
    await link.open(this.edits.settings.wanted);
    if (isOver(signal)) return;
    this.become({ name: "live" });
    this.edits.connected();
  }

  private video(): MediaStream {
    if (this.feed.source === null) throw new MediaLost("there is no source");
    return this.feed.source.stream;
  }

  private follow(status: Status): void {
    const { transport_in, wait } = status.stats.latency_stages_ms;
    this.fill_ms = (transport_in ?? 0) + (wait ?? 0);
    this.edits.settings.follow(status.parameters);
    this.events.status(status);
    if (status.state === "failed") this.failWith(new SessionFailed(status.reason ?? "the server gave no reason"));
  }

  private async reconnect(lost: string, signal: AbortSignal): Promise<void> {
    this.dropLink();
    this.events.result(null);
    if (this.feed.source === null) {
      this.failWith(new MediaLost(lost));
      return;
    }
    let reason = lost;
    for (let attempt = 1; !isOver(signal); attempt++) {
      this.become({ name: "reconnecting", reason, attempt });
      await this.wait.pause(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)), signal);
      if (isOver(signal)) return;
      this.become({ name: "reconnecting", reason: null, attempt });
      try {
        await this.connect(signal);
        return;
      } catch (error) {
        if (isOver(signal)) return;
        if (!isTransient(error)) {
          this.failWith(error);
          return;
        }
        reason = (error as Error).message;
      }
    }
  }

  private failWith(error: unknown): void {
    this.fail(problemOf(error));
    if (error instanceof Refused && error.path !== null) this.edits.settings.refuse(error.path, error.message);
  }

  private fail(problem: Problem): void {
    this.end();
    this.become({ name: "failed", problem });
  }

  private end(): void {
    this.run.abort();
    this.dropLink();
    this.feed.drop();
    this.events.notice(null);
    this.ended = this.server.place ?? this.ended;
    this.server.end();
    this.edits.end();
    this.events.result(null);
  }

  private dropLink(): void {
    clearTimeout(this.resetTimer);
    this.edits.disconnected();
    this.link?.close();
    this.link = null;
  }

  private become(state: SessionState): void {
    this.state = state;
    this.events.state(state);
  }
}

/** Asked anew after every await: the signal may have been aborted meanwhile. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
