import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import type { Outcome } from "../src/latest_wins";
import type { PeerEvents } from "../src/peer";
import { Memory } from "../src/memory";
import { Cancelled, Unplayable } from "../src/problems";
import type { Ack, Answer, Changes, Offer, Parameters, Place, Preset, Stats, Status } from "../src/protocol";
import { deferred } from "../src/promises";
import { Session } from "../src/session";
import type { Connection } from "../src/session";
import type { Source, SourceChoice } from "../src/source";

class FakeSource implements Source {
  readonly track = new EventTarget();
  readonly stream = { getVideoTracks: () => [this.track] } as unknown as MediaStream;
  closed = false;
  constructor(readonly choice: SourceChoice) {}
  close = (): void => {
    this.closed = true;
  };
}

const CAMERA: SourceChoice = { kind: "camera", deviceId: "" };
const SCREEN: SourceChoice = { kind: "screen" };

class FakePeer implements Connection {
  closed = false;
  readonly shown: MediaStream[] = []; // in place of the first
  constructor(readonly events: PeerEvents) {}
  offer = (): Promise<string> => Promise.resolve("offer");
  accept = (): Promise<void> => Promise.resolve();
  replaceVideo = (stream: MediaStream): Promise<void> => {
    this.shown.push(stream);
    return Promise.resolve();
  };
  fit = (): Promise<void> => Promise.resolve();
  close = (): void => {
    this.closed = true;
  };
}

/** A browser and a server around one session, and a record of what it said. */
class World {
  readonly states: string[] = [];
  readonly offers: Offer[] = [];
  readonly updates: Changes[] = [];
  readonly deleted: string[] = [];
  readonly parked: string[] = [];
  readonly resumes: string[] = [];
  readonly resumed: string[] = [];
  known = true; // whether the server still has the session that a page comes back to
  readonly peers: FakePeer[] = [];
  readonly sources: FakeSource[] = [];
  readonly notices: (string | null)[] = [];
  readonly outcomes: [string, Outcome][] = [];
  refuse: Error | null = null;
  noSource: Error | null = null;
  asking: Promise<void> | null = null; // a picker that is open
  oneCamera = false; // at a time

  readonly session = new Session(
    {
      preset: {} as Preset,
      openSource: (choice) => this.openSource(choice),
      openPeer: (_video, _servers, events) => {
        this.peers.push(new FakePeer(events));
        return this.peer;
      },
      api: {
        iceServers: () => Promise.resolve([]),
        createSession: (offer) => this.create(offer),
        resumeSession: (place) => this.resume(place),
        parkSession: (place) => {
          this.parked.push(place.id);
          return Promise.resolve();
        },
        update: (_id, changes) => {
          this.updates.push(changes);
          return this.refuse === null ? Promise.resolve({ block: 5, pending: false } as Ack) : Promise.reject(this.refuse);
        },
        deleteSession: (id) => {
          this.deleted.push(id);
          return Promise.resolve();
        },
      },
    },
    {
      state: (state) => this.states.push(state.name),
      resumed: (parameters) => this.resumed.push(parameters.prompt),
      source: () => undefined,
      notice: (problem) => this.notices.push(problem?.title ?? null),
      result: () => undefined,
      status: () => undefined,
      outcome: (control, outcome) => this.outcomes.push([control, outcome]),
    },
  );

  get peer(): FakePeer {
    return this.peers.at(-1) ?? expect.unreachable("no peer was made");
  }

  get problem(): string {
    return this.session.state.name === "failed" ? this.session.state.problem.title : "";
  }

  async goLive(): Promise<void> {
    void this.session.start(CAMERA);
    await passing(0);
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

  private create(offer: Offer): Promise<Answer> {
    this.offers.push(offer);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    return Promise.resolve({ id: `s${this.offers.length}`, token: "t", type: "answer", sdp: "answer", view_token: "v" } as Answer);
  }

  private resume({ id, token, view_token }: Place): Promise<Answer> {
    this.resumes.push(`${id} ${token}`);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    if (!this.known) return Promise.reject(new Refused(404, "not known"));
    const parameters = { prompt: "as it was", seed: 3, strength: null, pruning: { tau: 0.1 } } as Parameters;
    return Promise.resolve({ id, token, view_token, type: "answer", sdp: "answer", parameters });
  }
}

const status = (state: Status["state"], stats: Partial<Stats> = {}): Status => ({ state, stats: { latency_stages_ms: {}, ...stats } }) as Status;
const passing = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("start", () => {
  it("goes by the camera and the offer to live, and stop frees all", async () => {
    await world.goLive();
    expect(world.states).toEqual(["opening", "connecting", "live"]);
    world.session.stop();
    expect(world.session.state.name).toBe("idle");
    expect(world.deleted).toEqual(["s1"]);
    expect(world.peer.closed && world.sources[0]?.closed).toBe(true);
  });

  it("fails with the camera's reason, and can be pressed again", async () => {
    world.noSource = new DOMException("", "NotAllowedError");
    await world.session.start(CAMERA);
    expect(world.problem).toBe("The camera is blocked");
    world.noSource = null;
    await world.goLive();
  });

  it("fails with the server's reason when no slot is free, and gives the camera back", async () => {
    world.refuse = new Refused(503, "the slot is taken");
    await world.session.start(CAMERA);
    expect(world.problem).toContain("can't take another stream");
    expect(world.sources[0]?.closed).toBe(true);
  });

  it("fails when no media comes, and ends the server's session", async () => {
    void world.session.start(CAMERA);
    await passing(15_000);
    expect(world.problem).toBe("No video connection to the server");
    expect(world.deleted).toEqual(["s1"]);
  });

  it("is undone by a stop while the server still works on the offer", async () => {
    const going = world.session.start(CAMERA);
    await passing(0);
    world.session.stop();
    await passing(20_000);
    await going;
    expect(world.session.state.name).toBe("idle");
    expect(world.deleted).toEqual(["s1"]);
  });
});

describe("a lost connection", () => {
  it("is made again to the same session", async () => {
    world.session.change("prompt", { prompt: "sepia" });
    await world.goLive();
    world.peer.events.lost("the connection failed");
    await passing(500);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.resumes).toEqual(["s1 t"]);
    expect(world.offers).toHaveLength(1);
    expect(world.deleted).toEqual([]);
    expect(world.resumed).toEqual([]); // this page knows what it has set
    world.session.stop();
    expect(world.deleted).toEqual(["s1"]);
  });

  it("is made anew with the parameters that were last accepted where the server has given the session up", async () => {
    world.known = false;
    world.session.change("prompt", { prompt: "sepia" });
    await world.goLive();
    world.session.change("pruning.tau", { pruning: { tau: 0.3 } });
    await passing(0);
    world.refuse = new Refused(422, "prompt = ' ': must hold more than white space", "prompt");
    world.session.change("prompt", { prompt: " " });
    await passing(0);
    expect(world.outcomes.at(-1)?.[1].ok).toBe(false);
    world.refuse = null;
    world.peer.events.lost("the connection failed");
    await passing(500);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.offers.at(-1)?.parameters).toEqual({ prompt: "sepia", pruning: { tau: 0.3 } });
    expect(world.resumes).toEqual(["s1 t"]);
  });

  it("is noticed by silence, and tried for as long as the server is away", async () => {
    await world.goLive();
    world.refuse = new Unreachable(null);
    await passing(60_000);
    expect(world.session.state.name).toBe("reconnecting");
    const tries = world.resumes.length;
    expect(tries).toBeGreaterThan(5);
    world.refuse = null;
    world.session.retryNow();
    await passing(0);
    expect(world.resumes).toHaveLength(tries + 1);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
  });

  it("ends in failure when the server refuses for good", async () => {
    await world.goLive();
    world.refuse = new Refused(422, "no H264");
    world.peer.events.lost("gone");
    await passing(500);
    expect(world.problem).toBe("The server refused the session");
  });

  it("does not come back after a stop", async () => {
    await world.goLive();
    world.peer.events.lost("gone");
    world.session.stop();
    await passing(60_000);
    expect(world.session.state.name).toBe("idle");
    expect(world.offers).toHaveLength(1);
  });
});

describe("a page that goes away", () => {
  it("parks its session, and comes back to it with what was set", async () => {
    await world.goLive();
    const place = world.session.leave();
    expect(place).toEqual({ id: "s1", token: "t", view_token: "v" });
    expect(world.session.state.name).toBe("idle");
    expect([world.parked, world.deleted]).toEqual([["s1"], []]);
    void world.session.start(CAMERA, place);
    await passing(0);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.resumed).toEqual(["as it was"]);
    expect(world.offers).toHaveLength(1);
    world.known = false;
    world.peer.events.lost("gone");
    await passing(500);
    expect(world.offers.at(-1)?.parameters).toEqual({ prompt: "as it was", seed: 3, pruning: { tau: 0.1 } });
  });

  it("begins anew where the server has given the session up", async () => {
    world.known = false;
    void world.session.start(CAMERA, { id: "old", token: "t", view_token: "v" });
    await passing(0);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect([world.resumes, world.offers.length]).toEqual([["old t"], 1]);
  });

  it("that had no session leaves none", () => {
    expect(world.session.leave()).toBeNull();
    expect(world.parked).toEqual([]);
  });
});

it("a place is remembered once, and nonsense is none", () => {
  const kept = new Map<string, string>();
  const memory = new Memory({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  });
  memory.keep({ place: { id: "a", token: "b", view_token: "c" }, kind: "screen" });
  expect(memory.take()).toEqual({ place: { id: "a", token: "b", view_token: "c" }, kind: "screen" });
  expect(memory.take()).toBeNull();
  for (const text of ["{", "null", '{"place": {"id": 3}, "kind": "screen"}']) {
    kept.set("lipar-session", text);
    expect(memory.take()).toBeNull();
  }
});

describe("while live", () => {
  it("telemetry keeps it, and its failure ends it with the reason", async () => {
    await world.goLive();
    for (let i = 0; i < 20; i++) {
      await passing(1000);
      world.peer.events.telemetry(status("live"));
    }
    expect(world.session.state.name).toBe("live");
    world.peer.events.telemetry({ ...status("failed"), reason: "the model ran out of memory" });
    expect(world.session.state).toMatchObject({ problem: { advice: "The model ran out of memory. Try again." } });
  });

  it("a new start is never a paused one", async () => {
    await world.goLive();
    world.session.change("paused", { paused: true });
    await passing(0);
    world.session.stop();
    await world.goLive();
    expect(world.offers.at(-1)?.parameters).toEqual({});
  });
});

describe("a source", () => {
  it("takes the place of another without a new connection", async () => {
    await world.goLive();
    await world.session.switchSource(SCREEN);
    expect(world.peer.shown).toEqual([world.sources[1]?.stream]);
    expect(world.sources.map(({ closed }) => closed)).toEqual([true, false]);
    expect([world.peers.length, world.offers.length]).toEqual([1, 1]);
  });

  it("begins afresh when the pictures of the one before are through", async () => {
    await world.goLive();
    world.peer.events.telemetry(status("live", { latency_stages_ms: { transport_in: 50, wait: 150, model: 1000 } }));
    await world.session.switchSource(SCREEN);
    await passing(600);
    expect(world.updates).toEqual([]);
    await passing(200);
    expect(world.updates).toEqual([{ reset: true }]);
  });

  it("stays where no other was picked, and where another cannot be opened, which is told", async () => {
    await world.goLive();
    world.notices.length = 0;
    world.noSource = new Cancelled();
    await world.session.switchSource(SCREEN);
    expect(world.notices).toEqual([]);
    world.noSource = new Unplayable("clip.xyz", "no such format");
    await world.session.switchSource(CAMERA);
    expect(world.notices).toEqual(["clip.xyz cannot be played"]);
    expect([world.sources[0]?.closed, world.session.state.name]).toEqual([false, "live"]);
  });

  it("that ends leaves the session live, and another goes on", async () => {
    await world.goLive();
    await world.session.switchSource(SCREEN);
    world.sources[1]?.track.dispatchEvent(new Event("ended"));
    expect(world.notices.at(-1)).toBe("The screen is shared no more");
    expect([world.sources[1]?.closed, world.session.state.name]).toEqual([true, "live"]);
    await world.session.switchSource(CAMERA);
    expect(world.notices.at(-1)).toBeNull();
    expect(world.peer.shown.at(-1)).toBe(world.sources[2]?.stream);
    world.sources[1]?.track.dispatchEvent(new Event("ended")); // of one that is gone
    expect(world.notices.at(-1)).toBeNull();
  });

  it("that was chosen last wins over one that is still being picked", async () => {
    await world.goLive();
    const picker = deferred();
    world.asking = picker.promise;
    const screen = world.session.switchSource(SCREEN);
    await world.session.switchSource(CAMERA);
    picker.resolve();
    await screen;
    expect(world.sources.map(({ choice, closed }) => [choice.kind, closed])).toEqual([["camera", true], ["camera", false], ["screen", true]]);
    expect(world.peer.shown).toHaveLength(1);
  });

  it("that is not picked ends a start as if there had been none", async () => {
    world.noSource = new Cancelled();
    await world.session.start(SCREEN, { id: "old", token: "t", view_token: "v" });
    expect(world.session.state.name).toBe("idle");
    expect(world.deleted).toEqual([]);
  });

  it("may be changed while the first is still asked for", async () => {
    world.asking = new Promise(() => undefined);
    void world.session.start(SCREEN);
    await passing(0);
    void world.session.switchSource(CAMERA);
    await passing(0);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.sources).toHaveLength(1);
  });

  it("another camera is opened after ours is closed where both at once are too many", async () => {
    await world.goLive();
    world.oneCamera = true;
    await world.session.switchSource(CAMERA);
    expect(world.sources.map(({ closed }) => closed)).toEqual([true, false]);
  });
});

it("what is set while connecting is sent when live", async () => {
  void world.session.start(CAMERA);
  await passing(0);
  world.session.change("strength", { strength: 0.4 });
  expect(world.updates).toEqual([]);
  world.peer.events.connected();
  await passing(0);
  expect(world.updates).toEqual([{ strength: 0.4 }]);
});
