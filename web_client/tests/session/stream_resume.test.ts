import { describe, expect, it } from "vitest";
import { deferred } from "../../src/session/promises";
import { advance, CAMERA, PARAMETERS, fixture } from "./stream_fixture";

const OLD = { id: "old", token: "t", view_token: "v" };

describe("an unloaded page", () => {
  it("parks its session, and resumes it with its settings", async () => {
    await fixture.goLive();
    const parked = fixture.stream.parkOrStop();
    expect(parked).toEqual({ credentials: { id: "s1", token: "t", view_token: "v" }, ended: false });
    const credentials = parked?.credentials ?? null;
    expect(fixture.stream.state.name).toBe("idle");
    expect([fixture.server.parked, fixture.server.deleted]).toEqual([["s1"], []]);
    fixture.server.parameters = { ...PARAMETERS, prompt: "a parked prompt", seed: 3 };
    await fixture.goLive(credentials);
    expect(fixture.settings.shown).toMatchObject({ prompt: "a parked prompt", seed: 3 });
    expect(fixture.server.offers).toHaveLength(1);
    fixture.server.knowsSession = false;
    fixture.peer.events.lost("gone");
    await advance(500);
    expect(fixture.server.offers.at(-1)?.parameters).toEqual({ prompt: "a parked prompt", seed: 3 });
  });

  it.each([404, 401, 403])("creates a new session if the old one has ended or its id is taken (%i)", async (status) => {
    fixture.server.knowsSession = false;
    fixture.server.unknownStatus = status;
    void fixture.stream.start(CAMERA, OLD);
    await advance(0);
    fixture.peer.events.connected();
    await advance(0);
    expect(fixture.stream.state.name).toBe("live");
    expect([fixture.server.resumes, fixture.server.offers.length]).toEqual([["old t"], 1]);
  });

  it.each([true, false])("stopped while its session is resumed ends that one, and creates none (still there: %s)", async (knowsSession) => {
    const resumed = deferred();
    fixture.server.resumeBarrier = resumed.promise;
    fixture.server.knowsSession = knowsSession;
    void fixture.stream.start(CAMERA, OLD);
    await advance(0);
    fixture.stream.stop();
    expect(fixture.server.deleted).toEqual([]); // a resume of an ended session would fail
    resumed.resolve();
    await advance(0);
    expect([fixture.server.deleted, fixture.server.offers]).toEqual([knowsSession ? ["old"] : [], []]);
  });

  it("stopped before its session is resumed ends it without a resume", async () => {
    const gathered = deferred();
    fixture.gathered = gathered.promise;
    void fixture.stream.start(CAMERA, OLD);
    await advance(0);
    fixture.stream.stop();
    gathered.resolve();
    await advance(0);
    expect([fixture.server.deleted, fixture.server.resumes, fixture.server.offers]).toEqual([["old"], [], []]);
  });

  it("leaves the links of a stopped session to the next one", async () => {
    await fixture.goLive();
    fixture.stream.stop();
    expect(fixture.stream.parkOrStop()).toEqual({ credentials: { id: "s1", token: "t", view_token: "v" }, ended: true });
  });

  it("without a session leaves none", () => {
    expect(fixture.stream.parkOrStop()).toBeNull();
    expect(fixture.server.parked).toEqual([]);
  });
});
