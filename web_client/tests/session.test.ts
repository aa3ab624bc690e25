import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import { CAMERA, PARAMETERS, passing, World } from "./world";

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  vi.useRealTimers();
});

async function startUntil(ms: number): Promise<void> {
  void world.session.start(CAMERA);
  await passing(ms);
}

describe("start", () => {
  it("goes by the camera and the offer to live, and stop frees all", async () => {
    await world.goLive();
    expect(world.states).toEqual(["opening", "connecting", "live"]);
    world.session.stop();
    expect(world.session.state.name).toBe("idle");
    expect(world.server.deleted).toEqual(["s1"]);
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
    world.server.refuse = new Refused(503, "the slot is taken");
    await world.session.start(CAMERA);
    expect(world.problem).toContain("can't take another stream");
    expect(world.sources[0]?.closed).toBe(true);
  });

  it("fails when no media comes, and ends the server's session", async () => {
    await startUntil(15_000);
    expect(world.problem).toBe("No video connection to the server");
    expect(world.server.deleted).toEqual(["s1"]);
  });

  it("tells the server's reason where it has one for the missing picture", async () => {
    world.server.reason = "no address of the browser's answers";
    await startUntil(15_000);
    expect(world.session.state).toMatchObject({ problem: { advice: expect.stringContaining("no address of the browser's answers") as string } });
  });

  it("is undone by a stop while the server still works on the offer", async () => {
    const going = world.session.start(CAMERA);
    await passing(0);
    world.session.stop();
    await passing(20_000);
    await going;
    expect(world.session.state.name).toBe("idle");
    expect(world.server.deleted).toEqual(["s1"]);
  });
});

describe("a lost connection", () => {
  it("is made again to the same session", async () => {
    world.session.edits.change("prompt", { prompt: "sepia" });
    await world.goLive();
    world.peer.events.lost("the connection failed");
    await passing(500);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.server.resumes).toEqual(["s1 t"]);
    expect(world.server.offers).toHaveLength(1);
    expect(world.server.deleted).toEqual([]);
    world.session.stop();
    expect(world.server.deleted).toEqual(["s1"]);
  });

  it("is made anew with the parameters that were last accepted where the server has given the session up", async () => {
    world.server.knows = false;
    world.session.edits.change("prompt", { prompt: "sepia" });
    await world.goLive();
    world.session.edits.change("pruning.tau", { pruning: { tau: 0.3 } });
    await passing(0);
    world.server.refuse = new Refused(422, "prompt = ' ': must hold more than white space", "prompt");
    world.session.edits.change("prompt", { prompt: "\u200b" });
    await passing(0);
    expect(world.settings.of("prompt").name).toBe("refused");
    world.server.refuse = null;
    world.peer.events.lost("the connection failed");
    await passing(500);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect(world.server.offers.at(-1)?.parameters).toEqual({ prompt: "sepia", pruning: { tau: 0.3 } });
    expect(world.server.resumes).toEqual(["s1 t"]);
  });

  it("is noticed by silence, and tried for as long as the server is away", async () => {
    await world.goLive();
    world.server.refuse = new Unreachable(null);
    await passing(60_000);
    expect(world.session.state.name).toBe("reconnecting");
    const tries = world.server.resumes.length;
    expect(tries).toBeGreaterThan(5);
    world.server.refuse = null;
    world.session.retryNow();
    await passing(0);
    expect(world.server.resumes).toHaveLength(tries + 1);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
  });

  it("is tried at once when the server is ready again, also after an attempt that began too early", async () => {
    await world.goLive();
    world.server.refuse = new Refused(503, "the model is loading");
    world.peer.events.lost("gone");
    await passing(20_000);
    const tries = world.server.resumes.length;
    world.server.refuse = null;
    world.session.retryNow();
    await passing(0);
    expect(world.server.resumes).toHaveLength(tries + 1);
  });

  it("ends in failure when the server refuses for good", async () => {
    await world.goLive();
    world.server.refuse = new Refused(422, "no H264");
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
    expect(world.server.offers).toHaveLength(1);
  });
});

describe("a page that goes away", () => {
  it("parks its session, and comes back to it with what was set", async () => {
    await world.goLive();
    const left = world.session.leave();
    expect(left).toEqual({ place: { id: "s1", token: "t", view_token: "v" }, ended: false });
    const place = left?.place ?? null;
    expect(world.session.state.name).toBe("idle");
    expect([world.server.parked, world.server.deleted]).toEqual([["s1"], []]);
    world.server.parameters = { ...PARAMETERS, prompt: "as it was", seed: 3 };
    await world.goLive(place);
    expect(world.settings.shown).toMatchObject({ prompt: "as it was", seed: 3 });
    expect(world.server.offers).toHaveLength(1);
    world.server.knows = false;
    world.peer.events.lost("gone");
    await passing(500);
    expect(world.server.offers.at(-1)?.parameters).toEqual({ prompt: "as it was", seed: 3 });
  });

  it.each([404, 401, 403])("begins anew where the session is given up, or is another's by now (%i)", async (status) => {
    world.server.knows = false;
    world.server.unknown = status;
    void world.session.start(CAMERA, { id: "old", token: "t", view_token: "v" });
    await passing(0);
    world.peer.events.connected();
    await passing(0);
    expect(world.session.state.name).toBe("live");
    expect([world.server.resumes, world.server.offers.length]).toEqual([["old t"], 1]);
  });

  it("that had stopped leaves its links to the next", async () => {
    await world.goLive();
    world.session.stop();
    expect(world.session.leave()).toEqual({ place: { id: "s1", token: "t", view_token: "v" }, ended: true });
  });

  it("that had no session leaves none", () => {
    expect(world.session.leave()).toBeNull();
    expect(world.server.parked).toEqual([]);
  });
});

describe("what was said of a source", () => {
  it("is over when devices change: what failed for want of one may be started", async () => {
    world.noSource = new DOMException("", "NotFoundError");
    await world.session.start(CAMERA);
    expect(world.problem).toBe("No camera was found");
    world.session.devicesChanged();
    expect(world.session.state.name).toBe("idle");
  });

  it("of a live session goes when it is read", async () => {
    await world.goLive();
    world.noSource = new DOMException("", "NotReadableError");
    await world.session.switchSource(CAMERA);
    expect(world.notices.at(-1)).toBe("The camera is in use");
    world.session.dismiss();
    expect(world.notices.at(-1)).toBeNull();
  });
});

describe("while live", () => {
  it("telemetry keeps it, and its failure ends it with the reason", async () => {
    await world.goLive();
    for (let i = 0; i < 20; i++) {
      await passing(1000);
      world.telemetry();
    }
    expect(world.session.state.name).toBe("live");
    world.server.reason = "the model ran out of memory";
    world.telemetry("failed");
    expect(world.session.state).toMatchObject({ problem: { advice: "The model ran out of memory. Try again." } });
  });

  it("a new start is never a paused one", async () => {
    await world.goLive();
    world.session.edits.change("paused", { paused: true });
    await passing(0);
    world.session.stop();
    await world.goLive();
    expect(world.server.offers.at(-1)?.parameters).toEqual({});
  });
});

