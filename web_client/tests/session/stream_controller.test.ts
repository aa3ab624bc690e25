import { describe, expect, it } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import { advance, CAMERA, fixture } from "./stream_fixture";

async function startUntil(ms: number): Promise<void> {
  void fixture.stream.start(CAMERA);
  await advance(ms);
}

describe("start", () => {
  it("opens the camera, connects and goes live; stop releases everything", async () => {
    await fixture.goLive();
    expect(fixture.states).toEqual(["opening", "connecting", "live"]);
    fixture.stream.stop();
    expect(fixture.stream.state.name).toBe("idle");
    expect(fixture.server.deleted).toEqual(["s1"]);
    expect(fixture.peer.closed && fixture.sources[0]?.closed).toBe(true);
  });

  it("fails with the camera's error, and can be repeated", async () => {
    fixture.sourceError = new DOMException("", "NotAllowedError");
    await fixture.stream.start(CAMERA);
    expect(fixture.problem).toBe("The camera is blocked");
    fixture.sourceError = null;
    await fixture.goLive();
  });

  it("fails with the server's reason when no slot is free, and closes the camera", async () => {
    fixture.server.rejection = new ApiError(503, "the slot is taken");
    await fixture.stream.start(CAMERA);
    expect(fixture.problem).toContain("can't take another stream");
    expect(fixture.sources[0]?.closed).toBe(true);
  });

  it("fails when no media connection is made, and ends the server's session", async () => {
    await startUntil(15_000);
    expect(fixture.problem).toBe("No video connection to the server");
    expect(fixture.server.deleted).toEqual(["s1"]);
  });

  it("reports the server's reason for the missing picture", async () => {
    fixture.server.reason = "no address of the browser's answers";
    await startUntil(15_000);
    expect(fixture.stream.state).toMatchObject({ problem: { advice: expect.stringContaining("no address of the browser's answers") as string } });
  });

  it("is cancelled by a stop while the server processes the offer", async () => {
    const starting = fixture.stream.start(CAMERA);
    await advance(0);
    fixture.stream.stop();
    await advance(20_000);
    await starting;
    expect(fixture.stream.state.name).toBe("idle");
    expect(fixture.server.deleted).toEqual(["s1"]);
  });
});

describe("after a lost connection", () => {
  it("reconnects to the same session", async () => {
    fixture.stream.edits.change("prompt", { prompt: "sepia" });
    await fixture.goLive();
    fixture.peer.events.lost("the connection failed");
    await advance(500);
    fixture.peer.events.connected();
    await advance(0);
    expect(fixture.stream.state.name).toBe("live");
    expect(fixture.server.resumes).toEqual(["s1 t"]);
    expect(fixture.server.offers).toHaveLength(1);
    expect(fixture.server.deleted).toEqual([]);
    fixture.stream.stop();
    expect(fixture.server.deleted).toEqual(["s1"]);
  });

  it("creates a new session with the last accepted parameters if the server has ended the old one", async () => {
    fixture.server.knowsSession = false;
    fixture.stream.edits.change("prompt", { prompt: "sepia" });
    await fixture.goLive();
    fixture.stream.edits.change("pruning.tau", { pruning: { tau: 0.3 } });
    await advance(0);
    fixture.server.rejection = new ApiError(422, "prompt = ' ': must hold more than white space", "prompt");
    fixture.stream.edits.change("prompt", { prompt: "\u200b" });
    await advance(0);
    expect(fixture.settings.stateOf("prompt").name).toBe("rejected");
    fixture.server.rejection = null;
    fixture.peer.events.lost("the connection failed");
    await advance(500);
    fixture.peer.events.connected();
    await advance(0);
    expect(fixture.stream.state.name).toBe("live");
    expect(fixture.server.offers.at(-1)?.parameters).toEqual({ prompt: "sepia", pruning: { tau: 0.3 } });
    expect(fixture.server.resumes).toEqual(["s1 t"]);
  });

  it("detects missing telemetry, and retries while the server is unreachable", async () => {
    await fixture.goLive();
    fixture.server.rejection = new ServerUnreachable(null);
    await advance(60_000);
    expect(fixture.stream.state.name).toBe("reconnecting");
    const attempts = fixture.server.resumes.length;
    expect(attempts).toBeGreaterThan(5);
    fixture.server.rejection = null;
    fixture.stream.retryNow();
    await advance(0);
    expect(fixture.server.resumes).toHaveLength(attempts + 1);
    fixture.peer.events.connected();
    await advance(0);
    expect(fixture.stream.state.name).toBe("live");
  });

  it("retries at once when the server is ready again, also after an attempt that started too early", async () => {
    await fixture.goLive();
    fixture.server.rejection = new ApiError(503, "the model is loading");
    fixture.peer.events.lost("gone");
    await advance(20_000);
    const attempts = fixture.server.resumes.length;
    fixture.server.rejection = null;
    fixture.stream.retryNow();
    await advance(0);
    expect(fixture.server.resumes).toHaveLength(attempts + 1);
  });

  it("fails on a permanent rejection", async () => {
    await fixture.goLive();
    fixture.server.rejection = new ApiError(422, "no H264");
    fixture.peer.events.lost("gone");
    await advance(500);
    expect(fixture.problem).toBe("The server rejected the session");
  });

  it("does not reconnect after a stop", async () => {
    await fixture.goLive();
    fixture.peer.events.lost("gone");
    fixture.stream.stop();
    await advance(60_000);
    expect(fixture.stream.state.name).toBe("idle");
    expect(fixture.server.offers).toHaveLength(1);
  });
});

describe("a notice about the source", () => {
  it("a device failure is cleared when devices change", async () => {
    fixture.sourceError = new DOMException("", "NotFoundError");
    await fixture.stream.start(CAMERA);
    expect(fixture.problem).toBe("No camera was found");
    fixture.stream.devicesChanged();
    expect(fixture.stream.state.name).toBe("idle");
  });

  it("of a live session is dismissed by the user", async () => {
    await fixture.goLive();
    fixture.sourceError = new DOMException("", "NotReadableError");
    await fixture.stream.switchSource(CAMERA);
    expect(fixture.notices.at(-1)).toBe("The camera is in use");
    fixture.stream.dismiss();
    expect(fixture.notices.at(-1)).toBeNull();
  });
});

describe("while live", () => {
  it("telemetry keeps the connection, and a reported failure ends it with the reason", async () => {
    await fixture.goLive();
    for (let i = 0; i < 20; i++) {
      await advance(1000);
      fixture.telemetry();
    }
    expect(fixture.stream.state.name).toBe("live");
    fixture.server.reason = "the model ran out of memory";
    fixture.telemetry("failed");
    expect(fixture.stream.state).toMatchObject({ problem: { advice: "The model ran out of memory. Try again." } });
  });

  it("a new start is never paused", async () => {
    await fixture.goLive();
    fixture.stream.edits.change("paused", { paused: true });
    await advance(0);
    fixture.stream.stop();
    await fixture.goLive();
    expect(fixture.server.offers.at(-1)?.parameters).toEqual({});
  });
});

