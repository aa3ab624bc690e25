// One person's stream from Start to Stop: opens the source, connects, keeps connected, says what state it is in.

import { Refused } from "../api";
import { Cancelled, ENDED, isTransient, MediaLost, problemOf, SessionFailed } from "../problems";
import type { Problem } from "../problems";
import { isOver } from "../promises";
import type { Place, Status } from "../protocol";
import type { SourceChoice } from "../source";
import { Backoff } from "./backoff";
import { Edits } from "./edits";
import { Feed } from "./feed";
import { Link } from "./link";
import { Notices } from "./notices";
import { SceneReset } from "./scene_reset";
import { ServerSession, warnOf } from "./server_session";
import type { SessionState } from "./session_state";
import { Sound } from "./sound";
import type { SessionEvents, Surroundings } from "./surroundings";

export class Session {
  state: SessionState = { name: "idle" };
  readonly edits: Edits;
  private readonly sound: Sound;
  private run = new AbortController(); // from one start to its end
  private server: ServerSession;
  private link: Link | null = null;
  private ended: Place | null = null; // the newest session that was: the next goes on under its links
  private readonly backoff = new Backoff();
  private readonly notices: Notices;
  private readonly feed: Feed;
  private readonly sceneReset = new SceneReset(() => {
    this.resetScene();
  });

  constructor(
    private readonly around: Surroundings,
    private readonly events: SessionEvents,
  ) {
    this.edits = new Edits(around.preset.parameters, events.settings);
    this.server = new ServerSession(around.api, around.name);
    this.notices = new Notices(events.notice);
    this.sound = new Sound({
      state: (state) => {
        if (state !== "off") this.notices.clear("sound"); // another try
        events.sound(state);
      },
      track: (track) => {
        this.link?.replaceAudio(track).catch(warnOf("the sound was not changed:"));
      },
      failed: (problem) => {
        this.notices.put("sound", problem);
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
    if (!this.edits.mayBegin()) {
      this.become({ name: "idle" });
      return;
    }
    const { signal } = (this.run = new AbortController());
    this.server = new ServerSession(this.around.api, this.around.name, place, this.ended);
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

  /** The page goes away, perhaps to come back: returns what to come back to, or only to its links. */
  leave(): { place: Place; ended: boolean } | null {
    const place = this.server.park();
    this.stop();
    if (place !== null) return { place, ended: false };
    return this.ended === null ? null : { place: this.ended, ended: true };
  }

  /** A session that has ended: the next goes on under its links. */
  remember(ended: Place): void {
    this.ended = ended;
  }

  /** While reconnecting: tries at once instead of waiting. */
  retryNow(): void {
    this.backoff.hurry();
  }

  /** Devices were plugged in or unplugged, or permissions given: a camera that failed may be had now. */
  devicesChanged(): void {
    this.notices.devicesChanged();
    if (this.state.name === "failed" && this.state.problem.kind === "device") this.stop();
  }

  /** The notice was read. */
  dismiss(): void {
    this.notices.dismiss();
  }

  /** Sends another source from now on. Where that cannot be opened the old one stays. */
  async switchSource(choice: SourceChoice): Promise<void> {
    const { signal } = this.run;
    if (this.state.name === "opening") return this.restart(choice);
    try {
      const source = await this.feed.take(choice);
      if (source === null) return;
      this.notices.clear("source");
      await this.link?.replaceVideo(source.stream);
      this.sceneReset.soon();
    } catch (error) {
      if (!isOver(signal) && !(error instanceof Cancelled)) this.notices.put("source", problemOf(error));
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

  private resetScene(): void {
    if (this.state.name !== "live") return;
    this.server.update({ reset: true }, this.run.signal).catch(warnOf("no reset for the new source:"));
  }

  private restart(choice: SourceChoice): Promise<void> {
    const { place } = this.server;
    this.server.place = null;
    return this.start(choice, place);
  }

  /** A live session goes on without a source; one that has yet to connect does not. */
  private lackSource(problem: Problem): void {
    if (this.state.name === "live") this.notices.put("source", problem);
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
    this.sceneReset.follow(status.stats);
    this.edits.settings.follow(status);
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
    this.backoff.begin();
    for (let attempt = 1; !isOver(signal); attempt++) {
      this.become({ name: "reconnecting", reason, attempt });
      await this.backoff.pause(attempt, signal);
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
    this.notices.clearAll();
    this.ended = this.server.place ?? this.ended;
    this.server.end();
    this.edits.end();
    this.events.result(null);
  }

  private dropLink(): void {
    this.sceneReset.cancel();
    this.edits.disconnected();
    this.link?.close();
    this.link = null;
  }

  private become(state: SessionState): void {
    this.state = state;
    this.events.state(state);
  }
}
