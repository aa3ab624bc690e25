// One person's stream from Start to Stop: opens the source, connects, keeps connected, says what state it is in.

import { Refused } from "./api";
import { Feed } from "./feed";
import { LatestWins, mergeChanges } from "./latest_wins";
import type { Outcome } from "./latest_wins";
import { Cancelled, ENDED, isTransient, MediaLost, problemOf, SessionFailed } from "./problems";
import type { Problem } from "./problems";
import type { Ack, Answer, Changes, Offer, Parameters, Place, Preset, Status } from "./protocol";
import type { PeerEvents } from "./peer";
import { deferred, Wait, within } from "./promises";
import type { Source, SourceChoice, SourceKind } from "./source";

const CONNECT_TIMEOUT_MS = 15_000;
const SILENCE_MS = 6000; // telemetry comes once a second
const FIRST_WAIT_MS = 500; // before a reconnection; doubles each time
const LONGEST_WAIT_MS = 8000;
const SWITCH_MS = 300; // until a new source's first picture goes out
const LONGEST_SWITCH_MS = 3000;

export type SessionState =
  | { name: "idle" }
  | { name: "opening"; kind: SourceKind }
  | { name: "connecting" }
  | { name: "live" }
  | { name: "reconnecting"; reason: string; attempt: number }
  | { name: "failed"; problem: Problem };

export interface Connection {
  offer(): Promise<string>;
  accept(sdp: string): Promise<void>;
  replaceVideo(stream: MediaStream): Promise<void>;
  fit(): Promise<void>;
  close(): void;
}

/** What a session needs from its surroundings. */
export interface Surroundings {
  preset: Preset;
  openSource: (choice: SourceChoice) => Promise<Source>;
  openPeer: (video: MediaStream, iceServers: RTCIceServer[], events: PeerEvents) => Connection;
  api: {
    iceServers(): Promise<RTCIceServer[]>;
    createSession(offer: Offer): Promise<Answer>;
    resumeSession(place: Place, sdp: string): Promise<Answer>;
    parkSession(place: Place): Promise<void>;
    update(id: string, changes: Changes): Promise<Ack>;
    deleteSession(id: string): Promise<void>;
  };
}

export interface SessionEvents {
  /** A session that this page did not begin goes on, with these parameters. */
  resumed: (parameters: Parameters) => void;
  state: (state: SessionState) => void;
  /** What is sent; null where nothing is. */
  source: (source: Source | null) => void;
  /** What went wrong with a source while the session goes on; null when that is over. */
  notice: (problem: Problem | null) => void;
  result: (stream: MediaStream | null) => void;
  status: (status: Status) => void;
  outcome: (control: string, outcome: Outcome) => void;
}

export class Session {
  state: SessionState = { name: "idle" };
  place: Place | null = null; // of the server's session: kept over lost connections
  private wanted: Changes = {}; // what the user has set and nobody refused: the next connection starts with it
  private late = new Map<string, Changes>(); // set while a connection was being made
  private peer: Connection | null = null;
  private run = new AbortController(); // from one start to its end
  private readonly wait = new Wait();
  private silence: ReturnType<typeof setTimeout> | undefined;
  private afresh: ReturnType<typeof setTimeout> | undefined;
  private fill_ms = 0; // from a picture to the block that it is in
  private readonly sender: LatestWins;
  private readonly feed: Feed;

  constructor(
    private readonly around: Surroundings,
    private readonly events: SessionEvents,
  ) {
    this.sender = new LatestWins((changes) => this.send(changes), events.outcome);
    this.feed = new Feed(around.openSource, {
      changed: events.source,
      ended: (source) => {
        this.lackSource(ENDED[source.choice.kind]);
      },
    });
  }

  /** `place`: a session to go on with, where the server still has it. */
  async start(choice: SourceChoice, place: Place | null = null): Promise<void> {
    this.end();
    this.place = place;
    const { signal } = (this.run = new AbortController());
    try {
      this.become({ name: "opening", kind: choice.kind });
      await this.feed.take(choice);
      await this.connect(signal, "connecting");
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof Cancelled) this.giveUp();
      else this.failWith(error);
    }
  }

  stop(): void {
    this.end();
    this.become({ name: "idle" });
  }

  /** The page goes away, perhaps to come back: returns what to come back to. */
  leave(): Place | null {
    const place = this.place;
    this.giveUp();
    if (place !== null) this.around.api.parkSession(place).catch(warnOf(`session ${place.id} was not parked:`));
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
      await this.peer?.replaceVideo(source.stream);
      this.beginAfresh();
    } catch (error) {
      if (!isOver(signal) && !(error instanceof Cancelled)) this.events.notice(problemOf(error));
    }
  }

  /** The source's size has changed. */
  fit(): void {
    this.peer?.fit().catch(warnOf("the source's size was not followed:"));
  }

  /** Changes a parameter now if a session is live, else for the next one. `control` is the parameter's path. */
  change(control: string, changes: Changes): void {
    if (this.state.name === "live") this.sender.put(control, changes);
    else if (this.state.name === "connecting" || this.state.name === "reconnecting") this.late.set(control, changes);
    else this.want(changes);
  }

  /** As if nothing had been started: a session to go on with is left to another try. */
  private giveUp(): void {
    this.place = null;
    this.stop();
  }

  /** What the model remembers is another scene, and shows through: forget it, once the old pictures are through. */
  private beginAfresh(): void {
    clearTimeout(this.afresh);
    this.afresh = setTimeout(
      () => {
        if (this.state.name === "live") this.send({ reset: true }).catch(warnOf("the new source did not begin afresh:"));
      },
      Math.min(LONGEST_SWITCH_MS, SWITCH_MS + 2 * this.fill_ms),
    );
  }

  private restart(choice: SourceChoice): Promise<void> {
    const place = this.place;
    this.place = null;
    return this.start(choice, place);
  }

  private async send(changes: Changes): Promise<Ack> {
    if (this.place === null) throw new Error("the connection was lost");
    const ack = await this.around.api.update(this.place.id, changes);
    this.want(changes);
    return ack;
  }

  private want({ reset: _action, ...lasting }: Changes): void {
    this.wanted = mergeChanges(this.wanted, lasting);
  }

  /** A live session goes on without a source; one that has yet to connect does not. */
  private lackSource(problem: Problem): void {
    if (this.state.name === "live") this.events.notice(problem);
    else this.fail(problem);
  }

  /** Resolves when media flows; throws when it does not come to that. */
  private async connect(signal: AbortSignal, name: "connecting" | "reconnecting"): Promise<void> {
    if (isOver(signal)) return;
    if (name === "connecting") this.become({ name });
    const connected = deferred();
    const iceServers = await this.around.api.iceServers();
    if (isOver(signal) || this.feed.source === null) return;
    const peer = this.around.openPeer(this.feed.source.stream, iceServers, {
      video: (stream) => {
        this.events.result(stream);
      },
      connected: connected.resolve,
      lost: (reason) => {
        connected.reject(new MediaLost(reason));
        if (this.peer === peer && this.state.name === "live") void this.reconnect(reason, signal);
      },
      telemetry: (status) => {
        if (this.peer === peer) this.hear(status, signal);
      },
    });
    this.peer = peer;
    try {
      await this.negotiate(peer, signal);
      await within(CONNECT_TIMEOUT_MS, connected.promise, () => new MediaLost(`nothing within ${CONNECT_TIMEOUT_MS / 1000} s`));
    } catch (error) {
      if (this.peer === peer) this.dropPeer();
      throw error;
    }
    if (!isOver(signal)) this.goLive(signal);
  }

  private async negotiate(peer: Connection, signal: AbortSignal): Promise<void> {
    const sdp = await peer.offer();
    const answer = (await this.resume(sdp)) ?? (await this.around.api.createSession({ type: "offer", sdp, parameters: this.wanted }));
    if (isOver(signal) || this.peer !== peer) {
      this.discard(answer.id);
      throw new MediaLost("stopped");
    }
    this.place = { id: answer.id, token: answer.token, view_token: answer.view_token };
    await peer.accept(answer.sdp);
  }

  /** The answer of the session that there was; null where there was none, or the server has given it up. */
  private async resume(sdp: string): Promise<Answer | null> {
    if (this.place === null) return null;
    try {
      const answer = await this.around.api.resumeSession(this.place, sdp);
      if (Object.keys(this.wanted).length === 0) this.adopt(answer.parameters);
      return answer;
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
      this.place = null;
      return null;
    }
  }

  /** What another page had set is wanted from now on. */
  private adopt(parameters: Parameters): void {
    const { prompt, seed, strength, pruning } = parameters;
    this.wanted = { prompt, seed, pruning, ...(strength === null ? {} : { strength }) };
    this.events.resumed(parameters);
  }

  private goLive(signal: AbortSignal): void {
    this.become({ name: "live" });
    this.expectTelemetry(signal);
    for (const [control, changes] of this.late) this.sender.put(control, changes);
    this.late.clear();
  }

  private hear(status: Status, signal: AbortSignal): void {
    this.expectTelemetry(signal);
    const { transport_in, wait } = status.stats.latency_stages_ms;
    this.fill_ms = (transport_in ?? 0) + (wait ?? 0);
    this.events.status(status);
    if (status.state === "failed") this.failWith(new SessionFailed(status.reason ?? "the server gave no reason"));
  }

  private expectTelemetry(signal: AbortSignal): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      if (this.state.name === "live") void this.reconnect("the server went silent", signal);
    }, SILENCE_MS);
  }

  private async reconnect(reason: string, signal: AbortSignal): Promise<void> {
    this.dropPeer();
    this.events.result(null);
    if (this.feed.source === null) {
      this.failWith(new MediaLost(reason));
      return;
    }
    for (let attempt = 1; !isOver(signal); attempt++) {
      this.become({ name: "reconnecting", reason, attempt });
      await this.wait.pause(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)), signal);
      try {
        await this.connect(signal, "reconnecting");
        return;
      } catch (error) {
        if (isOver(signal)) return;
        if (!isTransient(error)) {
          this.failWith(error);
          return;
        }
        reason = (error as Refused | MediaLost).message;
      }
    }
  }

  private failWith(error: unknown): void {
    this.fail(problemOf(error));
    if (error instanceof Refused && error.path !== null) {
      this.events.outcome(error.path, { ok: false, reason: error.message });
    }
  }

  private fail(problem: Problem): void {
    this.end();
    this.become({ name: "failed", problem });
  }

  private end(): void {
    this.run.abort();
    this.sender.clear();
    this.late.clear();
    delete this.wanted.paused; // a new start is never a paused one
    this.dropPeer();
    this.feed.drop();
    this.events.notice(null);
    if (this.place !== null) this.discard(this.place.id);
    this.place = null;
    this.events.result(null);
  }

  private dropPeer(): void {
    clearTimeout(this.silence);
    clearTimeout(this.afresh);
    this.peer?.close();
    this.peer = null;
  }

  /** Frees the server's slot. A server that is gone has freed it already, and ends silent sessions by itself. */
  private discard(id: string): void {
    this.around.api.deleteSession(id).catch(warnOf(`session ${id} was not ended:`));
  }

  private become(state: SessionState): void {
    this.state = state;
    this.events.state(state);
  }
}

function warnOf(what: string): (error: unknown) => void {
  return (error) => {
    console.warn(what, error);
  };
}

/** Asked anew after every await: the signal may have been aborted meanwhile. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
