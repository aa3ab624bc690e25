import { describe, expect, it } from "vitest";
import { bannerOf, currentStats, canStart, formatNumber, pillOf, modelStagesText, startLabel } from "../../src/page/status_text";
import { SOURCE_ENDED } from "../../src/session/problems";
import type { PageState } from "../../src/page/status_text";
import type { Stats, Status } from "../../src/api/protocol";

const idle: PageState = {
  access: "granted",
  presetLoaded: true,
  isSecure: true,
  sourceKind: "camera",
  isSourceChosen: true,
  isSending: false,
  notice: null,
  hasSavedSession: false,
  server: { name: "ready" },
  stream: { name: "idle" },
  status: null,
  frames: "flowing",
  isPaused: false,
};
const status = (state: Status["state"], reason: string | null = null): Status => ({ state, reason, parameters: { paused: state === "paused" } }) as Status;

describe("the banner", () => {
  it("is hidden when there is no problem", () => {
    expect(bannerOf(idle)).toBeNull();
    expect(bannerOf({ ...idle, stream: { name: "live" } })).toBeNull();
  });

  it("reports an insecure page first", () => {
    const banner = bannerOf({ ...idle, isSecure: false, server: { name: "unreachable" } });
    expect(banner?.title).toContain("http:// pages");
    expect(banner?.advice).toContain("--tls-cert");
    expect(bannerOf({ ...idle, isSecure: false, sourceKind: "file" })).toBeNull();
  });

  it("reports a source that ended and offers the camera, or one that could not be opened", () => {
    const live: PageState = { ...idle, stream: { name: "live" }, notice: SOURCE_ENDED.screen };
    expect(bannerOf(live)).toMatchObject({ title: "Screen sharing ended", action: "camera" });
    expect(bannerOf({ ...live, isSecure: false })?.action).toBeUndefined();
    expect(bannerOf({ ...live, isSending: true })?.action).toBe("dismiss");
  });

  it("leaves a missing token to the token form", () => {
    expect(bannerOf({ ...idle, access: "token_required", server: { name: "loading", reason: "x" } })).toBeNull();
  });

  it("reports a session that waits for its source", () => {
    expect(bannerOf({ ...idle, hasSavedSession: true })?.title).toContain("still open");
  });

  it("offers a retry when the server is unreachable, but not over a live picture", () => {
    expect(bannerOf({ ...idle, server: { name: "unreachable" } })).toMatchObject({ title: "The server does not respond", action: "retry" });
    expect(bannerOf({ ...idle, server: { name: "unreachable" }, stream: { name: "live" } })).toBeNull();
  });

  it("reports why the model is not ready, or that it restarts", () => {
    expect(bannerOf({ ...idle, server: { name: "loading", reason: "loading weights" } })?.advice).toBe("Loading weights.");
    const banner = bannerOf({ ...idle, stream: { name: "live" }, status: status("model_restarting", "it ran out of memory") });
    expect(banner?.title).toBe("The model is restarting");
    expect(banner?.advice).toContain("It ran out of memory.");
  });

  it("shows the reason while reconnecting", () => {
    const banner = bannerOf({ ...idle, stream: { name: "reconnecting", reason: "no slot is free", attempt: 3 } });
    expect(banner).toMatchObject({ action: "retry_now" });
    expect(banner?.advice).toContain("No slot is free. Your settings");
  });

  it("replaces an outdated reason while reconnecting", () => {
    const reconnecting: PageState = { ...idle, stream: { name: "reconnecting", reason: null, attempt: 3 } };
    expect(bannerOf({ ...reconnecting, server: { name: "loading", reason: "loading weights" } })?.advice).toBe(
      "The server is loading its model. Your settings are kept.",
    );
    expect(bannerOf(reconnecting)?.advice).toBe("Your settings are kept.");
  });

  it("reports that new pictures are missing, with the server's reason", () => {
    const live: PageState = { ...idle, stream: { name: "live" }, status: status("live") };
    expect(bannerOf({ ...live, frames: "stalled" })?.title).toBe("No new pictures");
    expect(bannerOf({ ...live, frames: "no_telemetry" })?.advice).toContain("has sent nothing");
    const stalled = bannerOf({ ...live, status: status("stalled", "the model has given no block for 6 s") });
    expect(stalled).toMatchObject({ title: "No new pictures", tone: "busy" });
    expect(stalled?.advice).toContain("The model has given no block for 6 s.");
  });

  it("shows the server's reason whenever there is no picture", () => {
    const waiting: PageState = { ...idle, stream: { name: "live" }, status: status("connecting", "the frames cannot be decoded") };
    expect(bannerOf(waiting)).toMatchObject({ title: "There is no picture", advice: "The frames cannot be decoded." });
    expect(bannerOf({ ...waiting, isPaused: true, status: status("paused") })).toBeNull();
  });
});

it("stats are shown only while frames arrive", () => {
  const live: PageState = { ...idle, stream: { name: "live" }, status: { ...status("live"), stats: { block: 3 } as Stats } };
  expect(currentStats(live)?.block).toBe(3);
  for (const change of [{ frames: "stalled" } as const, { frames: "no_telemetry" } as const, { stream: { name: "connecting" } as const }, { status: status("model_restarting") }]) {
    expect(currentStats({ ...live, ...change })).toBeNull();
  }
});

it("the pill follows server, session and telemetry", () => {
  expect(pillOf(idle).text).toBe("Ready");
  expect(pillOf({ ...idle, access: "token_required" }).text).toBe("Token needed");
  expect(pillOf({ ...idle, access: "viewer" }).text).toBe("Watching only");
  expect(pillOf({ ...idle, server: { name: "unreachable" } }).text).toBe("No server");
  expect(pillOf({ ...idle, stream: { name: "opening", kind: "screen" } }).text).toBe("Asking for the screen…");
  expect(pillOf({ ...idle, stream: { name: "live" } }).text).toContain("first picture");
  expect(pillOf({ ...idle, stream: { name: "live" }, isPaused: true, status: status("paused") }).text).toBe("Paused");
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("live") })).toEqual({ text: "Live", tone: "success" });
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("paused"), isPaused: false }).text).toBe("Live"); // telemetry sent before the acknowledgement
  expect(pillOf({ ...idle, stream: { name: "live" }, status: status("stalled") }).text).toBe("No new pictures");
});

it("Start is enabled when it can work, Stop always", () => {
  expect(canStart(idle)).toBe(true);
  for (const access of ["unknown", "token_required", "viewer"] as const) expect(canStart({ ...idle, access })).toBe(false);
  expect(canStart({ ...idle, presetLoaded: false })).toBe(false);
  expect(canStart({ ...idle, isSecure: false })).toBe(false);
  expect(canStart({ ...idle, sourceKind: "file", isSourceChosen: false })).toBe(false);
  expect(canStart({ ...idle, isSecure: false, sourceKind: "file" })).toBe(true);
  expect(canStart({ ...idle, server: { name: "loading", reason: "x" } })).toBe(false);
  expect(canStart({ ...idle, server: { name: "unreachable" }, stream: { name: "reconnecting", reason: "x", attempt: 1 } })).toBe(true);
  expect(startLabel({ name: "connecting" })).toBe("Stop");
});

it("missing values are dashes", () => {
  expect(formatNumber(null)).toBe("–");
  expect(formatNumber(0.354, 0, 100)).toBe("35");
  expect(modelStagesText({ encode: 3.25, denoise: 41.2 })).toBe("Model time per block (ms): encode 3.3 · denoise 41");
  expect(modelStagesText(null)).toBe("");
});
