import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import type { Outcome } from "../src/latest_wins";
import type { PeerEvents } from "../src/peer";
import { Memory } from "../src/memory";
import type { Ack, Answer, Changes, Offer, Parameters, Place, Preset, Status } from "../src/protocol";
import { Session } from "../src/session";
import type { Connection } from "../src/session";

class FakeTrack extends EventTarget {
  stopped = false;
  stop(): void {
    this.stopped = true;
  }
}

class FakeCamera {
  readonly track = new FakeTrack();
  getTracks(): FakeTrack[] {
    return [this.track];
  }
  getVideoTracks(): FakeTrack[] {
    return [this.track];
  }
}

class FakePeer implements Connection {
  closed = false;
  constructor(readonly events: PeerEvents) {}
  offer = (): Promise<string> => Promise.resolve("offer");
  accept = (): Promise<void> => Promise.resolve();
  replaceCamera = (): Promise<void> => Promise.resolve();
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
  readonly cameras: FakeCamera[] = [];
  readonly outcomes: [string, Outcome][] = [];
  refuse: Error | null = null;
  noCamera: Error | null = null;

  readonly session = new Session(
    {
      preset: {} as Preset,
      openCamera: () => this.openCamera(),
      openPeer: (_camera, _servers, events) => {
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
      camera: () => undefined,
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
    void this.session.start("");
    await passing(0);
    this.peer.events.connected();
    await passing(0);
    expect(this.session.state.name).toBe("live");
  }

  private openCamera(): Promise<MediaStream> {
    if (this.noCamera !== null) return Promise.reject(this.noCamera);
    this.cameras.push(new FakeCamera());
    return Promise.resolve(this.cameras.at(-1) as unknown as MediaStream);
  }

  private create(offer: Offer): Promise<Answer> {
    this.offers.push(offer);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    return Promise.resolve({ id: `s${this.offers.length}`, token: "t", type: "answer", sdp: "answer" } as Answer);
  }

  private resume({ id, token }: Place): Promise<Answer> {
    this.resumes.push(`${id} ${token}`);
    if (this.refuse !== null) return Promise.reject(this.refuse);
    if (!this.known) return Promise.reject(new Refused(404, "not known"));
    const parameters = { prompt: "as it was", seed: 3, strength: null, pruning: { tau: 0.1 } } as Parameters;
    return Promise.resolve({ id, token, type: "answer", sdp: "answer", parameters });
  }
}

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
    expect(world.states).toEqual(["asking-camera", "connecting", "live"]);
    world.session.stop();
    expect(world.session.state.name).toBe("idle");
    expect(world.deleted).toEqual(["s1"]);
    expect(world.peer.closed && world.cameras[0]?.track.stopped).toBe(true);
  });

  it("fails with the camera's reason, and can be pressed again", async () => {
    world.noCamera = new DOMException("", "NotAllowedError");
    await world.session.start("");
    expect(world.problem).toBe("The camera is blocked");
    world.noCamera = null;
    await world.goLive();
  });

  it("fails with the server's reason when no slot is free, and gives the camera back", async () => {
    world.refuse = new Refused(503, "the slot is taken");
    await world.session.start("");
    expect(world.problem).toContain("can't take another stream");
    expect(world.cameras[0]?.track.stopped).toBe(true);
  });

  it("fails when no media comes, and ends the server's session", async () => {
    void world.session.start("");
    await passing(15_000);
    expect(world.problem).toBe("No video connection to the server");
    expect(world.deleted).toEqual(["s1"]);
  });

  it("is undone by a stop while the server still works on the offer", async () => {
    const going = world.session.start("");
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
    expect(place).toEqual({ id: "s1", token: "t" });
    expect(world.session.state.name).toBe("idle");
    expect([world.parked, world.deleted]).toEqual([["s1"], []]);
    void world.session.start("", place);
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
    void world.session.start("", { id: "old", token: "t" });
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
  memory.keep({ id: "a", token: "b" });
  expect(memory.take()).toEqual({ id: "a", token: "b" });
  expect(memory.take()).toBeNull();
  for (const text of ["{", "null", '{"id": 3}']) {
    kept.set("lipar-session", text);
    expect(memory.take()).toBeNull();
  }
});

describe("while live", () => {
  it("telemetry keeps it, and its failure ends it with the reason", async () => {
    await world.goLive();
    for (let i = 0; i < 20; i++) {
      await passing(1000);
      world.peer.events.telemetry({ state: "live" } as Status);
    }
    expect(world.session.state.name).toBe("live");
    world.peer.events.telemetry({ state: "failed", reason: "the model ran out of memory" } as Status);
    expect(world.session.state).toMatchObject({ problem: { advice: "The model ran out of memory. Try again." } });
  });

  it("the camera's end is told", async () => {
    await world.goLive();
    world.cameras[0]?.track.dispatchEvent(new Event("ended"));
    expect(world.problem).toBe("The camera stopped");
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

it("what is set while connecting is sent when live", async () => {
  void world.session.start("");
  await passing(0);
  world.session.change("strength", { strength: 0.4 });
  expect(world.updates).toEqual([]);
  world.peer.events.connected();
  await passing(0);
  expect(world.updates).toEqual([{ strength: 0.4 }]);
});
