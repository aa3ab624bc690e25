// A browser and a server around one session, and a record of what it said.

import { expect, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import type { PeerEvents } from "../src/peer";
import type { Ack, Answer, Changes, Offer, Parameters, Place, Preset, Stats, Status } from "../src/protocol";
import type { Connection } from "../src/session/link";
import { applyChanges } from "../src/session/parameters";
import { Session } from "../src/session/session";
import type { Settings } from "../src/session/settings";
import type { Source, SourceChoice, SourceSound } from "../src/source";

export class FakeMicrophone implements SourceSound {
  readonly track = new EventTarget() as MediaStreamTrack;
  closed = false;
  close = (): void => {
    this.closed = true;
  };
}

export class FakeSource implements Source {
  readonly track = new EventTarget();
  readonly isSilent = false;
  readonly microphones: FakeMicrophone[] = [];
  readonly stream = { getVideoTracks: () => [this.track] } as unknown as MediaStream;
  closed = false;
  constructor(readonly choice: SourceChoice) {}
  openSound = (): Promise<SourceSound | null> => {
    const microphone = new FakeMicrophone();
    this.microphones.push(microphone);
    return Promise.resolve(microphone);
  };
  close = (): void => {
    this.closed = true;
  };
}

export const CAMERA: SourceChoice = { kind: "camera", deviceId: "" };
export const SCREEN: SourceChoice = { kind: "screen" };

export class FakePeer implements Connection {
  closed = false;
  readonly shown: MediaStream[] = []; // in place of the first
  constructor(
    readonly events: PeerEvents,
    public audio: MediaStreamTrack | null,
  ) {}
  offer = (): Promise<string> => Promise.resolve("offer");
  accept = (): Promise<void> => Promise.resolve();
  replaceVideo = (stream: MediaStream): Promise<void> => {
    this.shown.push(stream);
    return Promise.resolve();
  };
  replaceAudio = (track: MediaStreamTrack | null): Promise<void> => {
    this.audio = track;
    return Promise.resolve();
  };
  fit = (): Promise<void> => Promise.resolve();
  close = (): void => {
    this.closed = true;
  };
}

export const PARAMETERS: Parameters = {
  prompt: "a watercolour painting",
  transition: { mode: "recache" },
  strength: null,
  denoising_steps: null,
  seed: 0,
  pruning: {
    enabled: true, detector: "lipar", threshold: 8, tau: 0.2, tau2: 0.4, min_keep: 0, refresh_last_frame: true, max_age: 0, bound_drift: true, recovery: true,
  },
  paused: false,
};

/** What the server has of one session, changed as the real one changes it. */
class FakeServer {
  readonly offers: Offer[] = [];
  readonly updates: Changes[] = [];
  readonly deleted: string[] = [];
  readonly parked: string[] = [];
  readonly resumes: string[] = [];
  parameters = PARAMETERS;
  reason: string | null = null;
  knows = true; // the session that a page comes back to
  unknown = 404; // what it says of one that it does not know, or not by this token
  refuse: Error | null = null;
  hold: Promise<void> | null = null; // until it answers a change

  iceServers = (): Promise<RTCIceServer[]> => Promise.resolve([]);
  session = (): Promise<Pick<Status, "reason">> => Promise.resolve({ reason: this.reason });

  createSession = (offer: Offer): Promise<Answer> => {
    this.offers.push(offer);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    this.parameters = applyChanges(PARAMETERS, offer.parameters);
    return Promise.resolve(this.answer({ id: `s${this.offers.length}`, token: "t", view_token: "v" }));
  };

  resumeSession = (place: Place): Promise<Answer> => {
    this.resumes.push(`${place.id} ${place.token}`);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    return this.knows ? Promise.resolve(this.answer(place)) : Promise.reject(new Refused(this.unknown, "not known"));
  };

  parkSession = ({ id }: Place): Promise<void> => {
    this.parked.push(id);
    return Promise.resolve();
  };

  update = async (_place: Place, changes: Changes, signal: AbortSignal): Promise<Ack> => {
    this.updates.push(changes);
    const lost = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(new Unreachable(null));
      });
    });
    await Promise.race([this.hold, lost]);
    if (this.refuse !== null) throw this.refuse;
    this.parameters = applyChanges(this.parameters, changes);
    return { block: 5, pending: false, parameters: this.parameters };
  };

  deleteSession = ({ id }: Place): Promise<void> => {
    this.deleted.push(id);
    return Promise.resolve();
  };

  private answer(place: Place): Answer {
    return { ...place, type: "answer", sdp: "answer", parameters: this.parameters };
  }
}

export class World {
  readonly server = new FakeServer();
  readonly states: string[] = [];
  readonly peers: FakePeer[] = [];
  readonly sources: FakeSource[] = [];
  readonly sounds: string[] = [];
  readonly notices: (string | null)[] = [];
  noSource: Error | null = null;
  asking: Promise<void> | null = null; // a picker that is open
  oneCamera = false; // at a time

  readonly session = new Session(
    {
      preset: { parameters: PARAMETERS } as Preset,
      name: null,
      openSource: (choice) => this.openSource(choice),
      openPeer: (_video, audio, _servers, events) => {
        this.peers.push(new FakePeer(events, audio));
        return this.peer;
      },
      api: this.server,
    },
    {
      state: (state) => this.states.push(state.name),
      source: () => undefined,
      notice: (problem) => this.notices.push(problem?.title ?? null),
      result: () => undefined,
      status: () => undefined,
      settings: () => undefined,
      sound: (state) => this.sounds.push(state),
    },
  );

  get peer(): FakePeer {
    return this.peers.at(-1) ?? expect.unreachable("no peer was made");
  }

  get problem(): string {
    return this.session.state.name === "failed" ? this.session.state.problem.title : "";
  }

  get settings(): Settings {
    return this.session.edits.settings;
  }

  async goLive(place: Place | null = null): Promise<void> {
    void this.session.start(CAMERA, place);
    await passing(0);
    await this.connect();
  }

  /** Media flows. */
  async connect(): Promise<void> {
    this.peer.events.connected();
    await passing(0);
    expect(this.session.state.name).toBe("live");
  }

  private async openSource(choice: SourceChoice): Promise<Source> {
    if (choice.kind === "screen") await this.asking;
    if (this.noSource !== null) throw this.noSource;
    if (this.oneCamera && this.sources.some(({ closed }) => !closed)) throw new DOMException("", "NotReadableError");
    const source = new FakeSource(choice);
    this.sources.push(source);
    return source;
  }

  telemetry(state: Status["state"] = "live", stats: Partial<Stats> = {}): void {
    const { parameters } = this.server;
    this.peer.events.telemetry({ state, reason: this.server.reason, parameters, stats: { latency_stages_ms: {}, ...stats } } as Status);
  }
}

export const passing = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
