// A stream controller with a fake browser and server, and a record of its events.

import { afterEach, beforeEach, expect, vi } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import type { Acknowledgement, Answer, Changes, Offer, Parameters, Preset, SessionCredentials, Stats, SessionStatus } from "../../src/api/protocol";
import type { PeerEvents } from "../../src/media/peer";
import type { Source, SourceChoice, SourceSound } from "../../src/media/source";
import { applyChanges } from "../../src/session/parameters";
import type { MediaPeer } from "../../src/session/session_connection";
import type { Settings } from "../../src/session/settings";
import { StreamController } from "../../src/session/stream_controller";

export class FakeMicrophone implements SourceSound {
  readonly track = new EventTarget() as MediaStreamTrack;
  closed = false;
  close = (): void => {
    this.closed = true;
  };
}

export class FakeSource implements Source {
  settings: MediaTrackSettings = {};
  readonly track = Object.assign(new EventTarget(), { getSettings: () => this.settings });
  readonly needsReopenForSound = false;
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

export class FakePeer implements MediaPeer {
  closed = false;
  size = ""; // of the session, as answered
  readonly shown: MediaStream[] = []; // videos that replaced the first one
  constructor(
    readonly events: PeerEvents,
    public audio: MediaStreamTrack | null,
    private readonly gathered: Promise<void> | null = null,
  ) {}
  offer = async (): Promise<string> => {
    await this.gathered;
    return "offer";
  };
  accept = ({ size }: Pick<Answer, "size">): Promise<void> => {
    this.size = size;
    return Promise.resolve();
  };
  replaceVideo = (stream: MediaStream): Promise<void> => {
    this.shown.push(stream);
    return Promise.resolve();
  };
  replaceAudio = (track: MediaStreamTrack | null): Promise<void> => {
    this.audio = track;
    return Promise.resolve();
  };
  limitEncoding = (): Promise<void> => Promise.resolve();
  close = (): void => {
    this.closed = true;
  };
}

export const PARAMETERS: Parameters = {
  prompt: "a watercolour painting",
  prompts: null,
  transition: { mode: "recache" },
  strength: null,
  denoising_steps: null,
  fit: "crop",
  seed: 0,
  pruning: {
    enabled: true, detector: "lipar", threshold: 8, tau: 0.2, tau2: 0.4, min_keep: 0, refresh_last_frame: true, max_age: 0, bound_drift: true, recovery: true,
  },
  paused: false,
  region: { source: "shape", mode: "edit", box: null, mask: null, feather: 0.02 },
};

/** One session on the server, changed as the real one changes it. */
class FakeServer {
  readonly offers: Offer[] = [];
  readonly updates: Changes[] = [];
  readonly deleted: string[] = [];
  readonly parked: string[] = [];
  readonly resumes: string[] = [];
  parameters = PARAMETERS;
  reason: string | null = null;
  knowsSession = true; // of a session to resume
  unknownStatus = 404; // the response for an unknown session or token
  rejection: Error | null = null;
  resumeBarrier: Promise<void> | null = null; // a resume waits for it
  updateBarrier: Promise<void> | null = null; // an update waits for it

  iceServers = (): Promise<RTCIceServer[]> => Promise.resolve([]);
  session = (): Promise<Pick<SessionStatus, "reason">> => Promise.resolve({ reason: this.reason });

  createSession = (offer: Offer): Promise<Answer> => {
    this.offers.push(offer);
    if (this.rejection !== null) return Promise.reject(this.rejection);
    this.parameters = applyChanges(PARAMETERS, offer.parameters);
    return Promise.resolve(this.answer({ id: `s${this.offers.length}`, token: "t", view_token: "v" }));
  };

  resumeSession = async (credentials: SessionCredentials): Promise<Answer> => {
    this.resumes.push(`${credentials.id} ${credentials.token}`);
    await this.resumeBarrier;
    if (this.rejection !== null) throw this.rejection;
    if (!this.knowsSession) throw new ApiError(this.unknownStatus, "not known");
    return this.answer(credentials);
  };

  parkSession = ({ id }: SessionCredentials): Promise<void> => {
    this.parked.push(id);
    return Promise.resolve();
  };

  update = async (_credentials: SessionCredentials, changes: Changes, signal: AbortSignal): Promise<Acknowledgement> => {
    this.updates.push(changes);
    const connectionLost = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(new ServerUnreachable(null));
      });
    });
    await Promise.race([this.updateBarrier, connectionLost]);
    if (this.rejection !== null) throw this.rejection;
    this.parameters = applyChanges(this.parameters, changes);
    return { block: 5, pending: false, parameters: this.parameters, prompt_tokens: null };
  };

  deleteSession = ({ id }: SessionCredentials): Promise<void> => {
    this.deleted.push(id);
    return Promise.resolve();
  };

  private answer(credentials: SessionCredentials): Answer {
    return { ...credentials, type: "answer", sdp: "answer", parameters: this.parameters, size: this.offers.at(-1)?.size ?? "416x240" };
  }
}

export class StreamFixture {
  readonly server = new FakeServer();
  readonly states: string[] = [];
  readonly peers: FakePeer[] = [];
  readonly sources: FakeSource[] = [];
  readonly soundStates: string[] = [];
  readonly notices: (string | null)[] = [];
  sourceError: Error | null = null;
  sourceSettings: MediaTrackSettings = {};
  gathered: Promise<void> | null = null; // an offer waits for it
  openPicker: Promise<void> | null = null; // an open picker waits for it
  allowsOneCamera = false; // at the same time

  readonly stream = new StreamController(
    {
      preset: { parameters: PARAMETERS, width: 416, height: 240, sizes: ["416x240", "240x416"] } as Preset,
      sessionName: null,
      openSource: (choice) => this.openSource(choice),
      openPeer: (_video, audio, _servers, events) => {
        this.peers.push(new FakePeer(events, audio, this.gathered));
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
      frameNamed: () => undefined,
      settingsChanged: () => undefined,
      sound: (state) => this.soundStates.push(state),
    },
  );

  get peer(): FakePeer {
    return this.peers.at(-1) ?? expect.unreachable("no peer was made");
  }

  get problem(): string {
    return this.stream.state.name === "failed" ? this.stream.state.problem.title : "";
  }

  get settings(): Settings {
    return this.stream.edits.settings;
  }

  async goLive(credentials: SessionCredentials | null = null): Promise<void> {
    void this.stream.start(CAMERA, credentials);
    await advance(0);
    await this.connect();
  }

  /** The media connection is established. */
  async connect(): Promise<void> {
    this.peer.events.connected();
    await advance(0);
    expect(this.stream.state.name).toBe("live");
  }

  private async openSource(choice: SourceChoice): Promise<Source> {
    if (choice.kind === "screen") await this.openPicker;
    if (this.sourceError !== null) throw this.sourceError;
    if (this.allowsOneCamera && this.sources.some(({ closed }) => !closed)) throw new DOMException("", "NotReadableError");
    const source = new FakeSource(choice);
    source.settings = this.sourceSettings;
    this.sources.push(source);
    return source;
  }

  telemetry(state: SessionStatus["state"] = "live", stats: Partial<Stats> = {}): void {
    const { parameters } = this.server;
    this.peer.events.telemetry({ state, reason: this.server.reason, parameters, stats: { latency_stages_ms: {}, ...stats } } as SessionStatus, null);
  }
}

export const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Each test's own, with fake timers. */
export let fixture: StreamFixture;

beforeEach(() => {
  vi.useFakeTimers();
  fixture = new StreamFixture();
});

afterEach(() => {
  vi.useRealTimers();
});
