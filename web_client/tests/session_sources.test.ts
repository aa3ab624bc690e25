import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Cancelled, Unplayable } from "../src/problems";
import { deferred } from "../src/promises";
import { CAMERA, passing, SCREEN, World } from "./world";

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a source", () => {
  it("takes the place of another without a new connection", async () => {
    await world.goLive();
    await world.session.switchSource(SCREEN);
    expect(world.peer.shown).toEqual([world.sources[1]?.stream]);
    expect(world.sources.map(({ closed }) => closed)).toEqual([true, false]);
    expect([world.peers.length, world.server.offers.length]).toEqual([1, 1]);
  });

  it("begins afresh when the pictures of the one before are through", async () => {
    await world.goLive();
    world.telemetry("live", { latency_stages_ms: { transport_in: 50, wait: 150, model: 1000 } });
    await world.session.switchSource(SCREEN);
    await passing(600);
    expect(world.server.updates).toEqual([]);
    await passing(200);
    expect(world.server.updates).toEqual([{ reset: true }]);
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
    expect(world.notices.at(-1)).toBe("Screen sharing ended");
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
    expect(world.server.deleted).toEqual([]);
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

