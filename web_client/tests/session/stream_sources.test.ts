import { describe, expect, it } from "vitest";
import { PickerCancelled, UnplayableFile } from "../../src/media/errors";
import { deferred } from "../../src/session/promises";
import { advance, CAMERA, SCREEN, fixture } from "./stream_fixture";

describe("a source", () => {
  it("replaces another without a new connection", async () => {
    await fixture.goLive();
    await fixture.stream.switchSource(SCREEN);
    expect(fixture.peer.shown).toEqual([fixture.sources[1]?.stream]);
    expect(fixture.sources.map(({ closed }) => closed)).toEqual([true, false]);
    expect([fixture.peers.length, fixture.server.offers.length]).toEqual([1, 1]);
  });

  it("that is taller than wide gets a session with a portrait picture, also when it is created again", async () => {
    fixture.sourceSettings = { width: 480, height: 640 };
    await fixture.goLive();
    fixture.server.knowsSession = false;
    fixture.peer.events.lost("gone");
    await advance(5000);
    expect(fixture.server.offers.map(({ size }) => size)).toEqual(["240x416", "240x416"]);
    expect(fixture.peers.map(({ size }) => size)).toEqual(["240x416", "240x416"]);
  });

  it("resets the model's history once the previous source's frames are processed", async () => {
    await fixture.goLive();
    fixture.telemetry("live", { latency_stages_ms: { transport_in: 50, wait: 150, model: 1000 } });
    await fixture.stream.switchSource(SCREEN);
    await advance(600);
    expect(fixture.server.updates).toEqual([]);
    await advance(200);
    expect(fixture.server.updates).toEqual([{ reset: true }]);
  });

  it("is kept when no other is picked, or when another cannot be opened, which is reported", async () => {
    await fixture.goLive();
    fixture.notices.length = 0;
    fixture.sourceError = new PickerCancelled();
    await fixture.stream.switchSource(SCREEN);
    expect(fixture.notices).toEqual([]);
    fixture.sourceError = new UnplayableFile("clip.xyz", "no such format");
    await fixture.stream.switchSource(CAMERA);
    expect(fixture.notices).toEqual(["clip.xyz cannot be played"]);
    expect([fixture.sources[0]?.closed, fixture.stream.state.name]).toEqual([false, "live"]);
  });

  it("that ends leaves the session live, and another continues it", async () => {
    await fixture.goLive();
    await fixture.stream.switchSource(SCREEN);
    fixture.sources[1]?.track.dispatchEvent(new Event("ended"));
    expect(fixture.notices.at(-1)).toBe("Screen sharing ended");
    expect([fixture.sources[1]?.closed, fixture.stream.state.name]).toEqual([true, "live"]);
    await fixture.stream.switchSource(CAMERA);
    expect(fixture.notices.at(-1)).toBeNull();
    expect(fixture.peer.shown.at(-1)).toBe(fixture.sources[2]?.stream);
    fixture.sources[1]?.track.dispatchEvent(new Event("ended")); // of a source that was replaced
    expect(fixture.notices.at(-1)).toBeNull();
  });

  it("chosen last wins over one that is still being picked", async () => {
    await fixture.goLive();
    const picker = deferred();
    fixture.openPicker = picker.promise;
    const screen = fixture.stream.switchSource(SCREEN);
    await fixture.stream.switchSource(CAMERA);
    picker.resolve();
    await screen;
    expect(fixture.sources.map(({ choice, closed }) => [choice.kind, closed])).toEqual([["camera", true], ["camera", false], ["screen", true]]);
    expect(fixture.peer.shown).toHaveLength(1);
  });

  it("that is not picked returns the stream to idle", async () => {
    fixture.sourceError = new PickerCancelled();
    await fixture.stream.start(SCREEN, { id: "old", token: "t", view_token: "v" });
    expect(fixture.stream.state.name).toBe("idle");
    expect(fixture.server.deleted).toEqual([]);
  });

  it("can be changed while the first is still being opened", async () => {
    fixture.openPicker = new Promise(() => undefined);
    void fixture.stream.start(SCREEN);
    await advance(0);
    void fixture.stream.switchSource(CAMERA);
    await advance(0);
    fixture.peer.events.connected();
    await advance(0);
    expect(fixture.stream.state.name).toBe("live");
    expect(fixture.sources).toHaveLength(1);
  });

  it("a second camera is opened after the first is closed if the device allows only one", async () => {
    await fixture.goLive();
    fixture.allowsOneCamera = true;
    await fixture.stream.switchSource(CAMERA);
    expect(fixture.sources.map(({ closed }) => closed)).toEqual([true, false]);
  });
});

