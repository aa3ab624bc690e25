import { describe, expect, it } from "vitest";
import { bannerOf, figuresOf, mayStart, number, pillOf, stagesText, startLabel } from "../src/status_text";
import { ENDED } from "../src/problems";
import type { Situation } from "../src/status_text";
import type { Stats, Status } from "../src/protocol";

const calm: Situation = {
  access: "given",
  prepared: true,
  secure: true,
  choice: "camera",
  chosen: true,
  sends: false,
  notice: null,
  kept: false,
  server: { name: "ready" },
  session: { name: "idle" },
  status: null,
  pictures: "coming",
  paused: false,
};
const status = (state: Status["state"], reason: string | null = null): Status => ({ state, reason, parameters: { paused: state === "paused" } }) as Status;

describe("the banner", () => {
  it("is away when all is well", () => {
    expect(bannerOf(calm)).toBeNull();
    expect(bannerOf({ ...calm, session: { name: "live" } })).toBeNull();
  });

  it("says that the page is not secure before anything else", () => {
    const banner = bannerOf({ ...calm, secure: false, server: { name: "gone" } });
    expect(banner?.title).toContain("http:// pages");
    expect(banner?.advice).toContain("--tls-cert");
    expect(bannerOf({ ...calm, secure: false, choice: "file" })).toBeNull();
  });

  it("tells of a source that ended and offers the camera, or of one that could not be opened", () => {
    const live: Situation = { ...calm, session: { name: "live" }, notice: ENDED.screen };
    expect(bannerOf(live)).toMatchObject({ title: "Screen sharing ended", action: "camera" });
    expect(bannerOf({ ...live, secure: false })?.action).toBeUndefined();
    expect(bannerOf({ ...live, sends: true })?.action).toBe("dismiss");
  });

  it("leaves a missing token to the form that asks for one", () => {
    expect(bannerOf({ ...calm, access: "asked", server: { name: "loading", reason: "x" } })).toBeNull();
  });

  it("says that a session waits for its source", () => {
    expect(bannerOf({ ...calm, kept: true })?.title).toContain("still open");
  });

  it("offers a button when the server is gone, but leaves a live picture alone", () => {
    expect(bannerOf({ ...calm, server: { name: "gone" } })).toMatchObject({ title: "The server does not answer", action: "again" });
    expect(bannerOf({ ...calm, server: { name: "gone" }, session: { name: "live" } })).toBeNull();
  });

  it("says why the model is not ready, or that it restarts", () => {
    expect(bannerOf({ ...calm, server: { name: "loading", reason: "loading weights" } })?.advice).toBe("Loading weights.");
    const banner = bannerOf({ ...calm, session: { name: "live" }, status: status("model_restarting", "it ran out of memory") });
    expect(banner?.title).toBe("The model is restarting");
    expect(banner?.advice).toContain("It ran out of memory.");
  });

  it("keeps the reason while reconnecting", () => {
    const banner = bannerOf({ ...calm, session: { name: "reconnecting", reason: "no slot is free", attempt: 3 } });
    expect(banner).toMatchObject({ action: "now" });
    expect(banner?.advice).toContain("No slot is free. Your settings");
  });

  it("says while reconnecting only what is still true", () => {
    const reconnecting: Situation = { ...calm, session: { name: "reconnecting", reason: null, attempt: 3 } };
    expect(bannerOf({ ...reconnecting, server: { name: "loading", reason: "loading weights" } })?.advice).toBe(
      "The server is loading its model. Your settings are kept.",
    );
    expect(bannerOf(reconnecting)?.advice).toBe("Your settings are kept.");
  });

  it("says that no new pictures come, with the server's reason", () => {
    const live: Situation = { ...calm, session: { name: "live" }, status: status("live") };
    expect(bannerOf({ ...live, pictures: "still" })?.title).toBe("No new pictures come");
    expect(bannerOf({ ...live, pictures: "silent" })?.advice).toContain("has not been heard");
    const stalled = bannerOf({ ...live, status: status("stalled", "the model has given no block for 6 s") });
    expect(stalled).toMatchObject({ title: "No new pictures come", tone: "busy" });
    expect(stalled?.advice).toContain("The model has given no block for 6 s.");
  });

  it("says the server's reason whenever there is no picture", () => {
    const waiting: Situation = { ...calm, session: { name: "live" }, status: status("connecting", "the frames cannot be decoded") };
    expect(bannerOf(waiting)).toMatchObject({ title: "There is no picture", advice: "The frames cannot be decoded." });
    expect(bannerOf({ ...waiting, paused: true, status: status("paused") })).toBeNull();
  });
});

it("figures are those of pictures that come", () => {
  const live: Situation = { ...calm, session: { name: "live" }, status: { ...status("live"), stats: { block: 3 } as Stats } };
  expect(figuresOf(live)?.block).toBe(3);
  for (const gone of [{ pictures: "still" } as const, { pictures: "silent" } as const, { session: { name: "connecting" } as const }, { status: status("model_restarting") }]) {
    expect(figuresOf({ ...live, ...gone })).toBeNull();
  }
});

it("the pill follows server, session and telemetry", () => {
  expect(pillOf(calm).text).toBe("Ready");
  expect(pillOf({ ...calm, access: "asked" }).text).toBe("Token needed");
  expect(pillOf({ ...calm, access: "viewer" }).text).toBe("Watching only");
  expect(pillOf({ ...calm, server: { name: "gone" } }).text).toBe("No server");
  expect(pillOf({ ...calm, session: { name: "opening", kind: "screen" } }).text).toBe("Asking for the screen…");
  expect(pillOf({ ...calm, session: { name: "live" } }).text).toContain("first picture");
  expect(pillOf({ ...calm, session: { name: "live" }, paused: true, status: status("paused") }).text).toBe("Paused");
  expect(pillOf({ ...calm, session: { name: "live" }, status: status("live") })).toEqual({ text: "Live", tone: "good" });
  expect(pillOf({ ...calm, session: { name: "live" }, status: status("paused"), paused: false }).text).toBe("Live"); // telemetry from before
  expect(pillOf({ ...calm, session: { name: "live" }, status: status("stalled") }).text).toBe("No new pictures");
});

it("Start is there when it can work, Stop always", () => {
  expect(mayStart(calm)).toBe(true);
  for (const access of ["unknown", "asked", "viewer"] as const) expect(mayStart({ ...calm, access })).toBe(false);
  expect(mayStart({ ...calm, prepared: false })).toBe(false);
  expect(mayStart({ ...calm, secure: false })).toBe(false);
  expect(mayStart({ ...calm, choice: "file", chosen: false })).toBe(false);
  expect(mayStart({ ...calm, secure: false, choice: "file" })).toBe(true);
  expect(mayStart({ ...calm, server: { name: "loading", reason: "x" } })).toBe(false);
  expect(mayStart({ ...calm, server: { name: "gone" }, session: { name: "reconnecting", reason: "x", attempt: 1 } })).toBe(true);
  expect(startLabel({ name: "connecting" })).toBe("Stop");
});

it("figures that are not there yet are dashes", () => {
  expect(number(null)).toBe("–");
  expect(number(0.354, 0, 100)).toBe("35");
  expect(stagesText({ encode: 3.25, denoise: 41.2 })).toBe("Model, ms a block: encode 3.3 · denoise 41");
  expect(stagesText(null)).toBe("");
});
