import { expect, it } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import { deferred } from "../../src/session/promises";
import { advance, CAMERA, PARAMETERS, fixture } from "./stream_fixture";

it("a prompt typed before the start is used", async () => {
  fixture.settings.type("prompt", { prompt: "a pencil sketch" });
  await fixture.goLive();
  expect(fixture.server.offers[0]?.parameters).toEqual({ prompt: "a pencil sketch" });
  expect(fixture.settings.stateOf("prompt").name).toBe("synced");
});

it("a prompt typed while a parked session waits for its source is sent to that session", async () => {
  fixture.settings.type("prompt", { prompt: "typed" });
  fixture.stream.edits.change("pruning.min_keep", { pruning: { min_keep: 0.3 } });
  await fixture.goLive({ id: "parked", token: "t", view_token: "v" });
  expect(fixture.server.resumes).toEqual(["parked t"]);
  await advance(0);
  expect(fixture.server.parameters).toMatchObject({ prompt: "typed", pruning: { min_keep: 0.3 } });
});

it("a blank prompt is rejected at once, and the stream does not start", async () => {
  fixture.stream.edits.change("prompt", { prompt: "  " });
  expect(fixture.settings.stateOf("prompt")).toMatchObject({ name: "rejected", reason: "Type a prompt first" });
  fixture.settings.type("prompt", { prompt: " " });
  await fixture.stream.start(CAMERA);
  expect([fixture.stream.state.name, fixture.sources.length]).toEqual(["idle", 0]);
});

it("changes made while connecting are sent when live", async () => {
  void fixture.stream.start(CAMERA);
  await advance(0);
  fixture.stream.edits.change("strength", { strength: 0.4 });
  expect(fixture.server.updates).toEqual([]);
  expect(fixture.settings.stateOf("strength").name).toBe("applying");
  await fixture.connect();
  expect(fixture.server.updates).toEqual([{ strength: 0.4 }]);
  expect(fixture.settings.stateOf("strength").name).toBe("applied");
});

it("a change made over REST is shown, and the next session starts with it", async () => {
  await fixture.goLive();
  fixture.server.parameters = { ...PARAMETERS, prompt: "by REST", seed: 9 };
  fixture.telemetry();
  expect(fixture.settings.shown.prompt).toBe("by REST");
  fixture.stream.stop();
  await fixture.goLive();
  expect(fixture.server.offers.at(-1)?.parameters).toEqual({ prompt: "by REST", seed: 9 });
});

it("an unacknowledged change is sent again after a reconnection", async () => {
  await fixture.goLive();
  fixture.server.updateBarrier = deferred().promise; // never responds
  fixture.stream.edits.change("prompt", { prompt: "sepia" });
  await advance(0);
  fixture.peer.events.lost("gone");
  expect(fixture.settings.stateOf("prompt").name).toBe("applying");
  fixture.stream.edits.change("strength", { strength: 0.4 });
  fixture.server.updateBarrier = null;
  await advance(500);
  await fixture.connect();
  expect(fixture.server.parameters).toMatchObject({ prompt: "sepia", strength: 0.4 });
  expect([fixture.settings.stateOf("prompt").name, fixture.settings.stateOf("strength").name]).toEqual(["applied", "applied"]);
});

it("a rejected change is reverted, and not sent again", async () => {
  await fixture.goLive();
  fixture.server.rejection = new ApiError(503, "the model is restarting");
  fixture.stream.edits.change("strength", { strength: 0.4 });
  await advance(0);
  expect([fixture.settings.shown.strength, fixture.settings.stateOf("strength").name]).toEqual([null, "rejected"]);
  fixture.server.rejection = null;
  await advance(5000);
  expect(fixture.server.updates).toHaveLength(1);
});

it("an unreachable server does not count as a rejection", async () => {
  await fixture.goLive();
  fixture.server.rejection = new ServerUnreachable(null);
  fixture.stream.edits.change("strength", { strength: 0.4 });
  await advance(0);
  fixture.server.rejection = null;
  await advance(1100);
  expect(fixture.settings.stateOf("strength").name).toBe("applied");
});

it("a new source resets the model's history, and leaves the settings", async () => {
  await fixture.goLive();
  await fixture.stream.switchSource({ kind: "screen" });
  await advance(1000);
  expect(fixture.server.updates).toEqual([{ reset: true }]);
  expect(fixture.settings.stateOf("reset").name).toBe("synced");
});
