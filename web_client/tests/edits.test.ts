import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import { deferred } from "../src/promises";
import { CAMERA, PARAMETERS, passing, World } from "./world";

let world: World;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});

afterEach(() => {
  vi.useRealTimers();
});

it("a prompt typed before the start is used", async () => {
  world.settings.type("prompt", { prompt: "a pencil sketch" });
  await world.goLive();
  expect(world.server.offers[0]?.parameters).toEqual({ prompt: "a pencil sketch" });
  expect(world.settings.of("prompt").name).toBe("held");
});

it("a prompt typed while a session waits for its source is asked of that session", async () => {
  world.settings.type("prompt", { prompt: "typed" });
  world.session.edits.change("pruning.min_keep", { pruning: { min_keep: 0.3 } });
  await world.goLive({ id: "kept", token: "t", view_token: "v" });
  expect(world.server.resumes).toEqual(["kept t"]);
  await passing(0);
  expect(world.server.parameters).toMatchObject({ prompt: "typed", pruning: { min_keep: 0.3 } });
});

it("a blank prompt is refused at once, and starts nothing", async () => {
  world.session.edits.change("prompt", { prompt: "  " });
  expect(world.settings.of("prompt")).toMatchObject({ name: "refused", reason: "Type a prompt first" });
  world.settings.type("prompt", { prompt: " " });
  await world.session.start(CAMERA);
  expect([world.session.state.name, world.sources.length]).toEqual(["idle", 0]);
});

it("what is set while connecting is sent when live", async () => {
  void world.session.start(CAMERA);
  await passing(0);
  world.session.edits.change("strength", { strength: 0.4 });
  expect(world.server.updates).toEqual([]);
  expect(world.settings.of("strength").name).toBe("applying");
  await world.connect();
  expect(world.server.updates).toEqual([{ strength: 0.4 }]);
  expect(world.settings.of("strength").name).toBe("applied");
});

it("a change made over REST shows, and is what the next session begins with", async () => {
  await world.goLive();
  world.server.parameters = { ...PARAMETERS, prompt: "by REST", seed: 9 };
  world.telemetry();
  expect(world.settings.shown.prompt).toBe("by REST");
  world.session.stop();
  await world.goLive();
  expect(world.server.offers.at(-1)?.parameters).toEqual({ prompt: "by REST", seed: 9 });
});

it("a change under way when the connection is lost is asked again over the next", async () => {
  await world.goLive();
  world.server.hold = deferred().promise; // the answer never comes
  world.session.edits.change("prompt", { prompt: "sepia" });
  await passing(0);
  world.peer.events.lost("gone");
  expect(world.settings.of("prompt").name).toBe("applying");
  world.session.edits.change("strength", { strength: 0.4 });
  world.server.hold = null;
  await passing(500);
  await world.connect();
  expect(world.server.parameters).toMatchObject({ prompt: "sepia", strength: 0.4 });
  expect([world.settings.of("prompt").name, world.settings.of("strength").name]).toEqual(["applied", "applied"]);
});

it("a change that the server refuses goes back, and is not asked again", async () => {
  await world.goLive();
  world.server.refuse = new Refused(503, "the model is restarting");
  world.session.edits.change("strength", { strength: 0.4 });
  await passing(0);
  expect([world.settings.shown.strength, world.settings.of("strength").name]).toEqual([null, "refused"]);
  world.server.refuse = null;
  await passing(5000);
  expect(world.server.updates).toHaveLength(1);
});

it("a server that is away for a moment refuses nothing", async () => {
  await world.goLive();
  world.server.refuse = new Unreachable(null);
  world.session.edits.change("strength", { strength: 0.4 });
  await passing(0);
  world.server.refuse = null;
  await passing(1100);
  expect(world.settings.of("strength").name).toBe("applied");
});

it("a new source resets what the model remembers, without touching what is set", async () => {
  await world.goLive();
  await world.session.switchSource({ kind: "screen" });
  await passing(1000);
  expect(world.server.updates).toEqual([{ reset: true }]);
  expect(world.settings.of("reset").name).toBe("held");
});
