import { describe, expect, it } from "vitest";
import { bannerOf } from "../../src/page/banner";
import type { PageState } from "../../src/page/page_state";
import { SOURCE_ENDED } from "../../src/session/problems";
import { idle, status } from "./page_fixture";

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
    expect(bannerOf({ ...idle, access: "token_required", server: { name: "loading", reason: "x", progress: null } })).toBeNull();
  });

  it("reports a session that waits for its source", () => {
    expect(bannerOf({ ...idle, hasSavedSession: true })?.title).toContain("still open");
  });

  it("offers a retry when the server is unreachable, but not over a live picture", () => {
    expect(bannerOf({ ...idle, server: { name: "unreachable" } })).toMatchObject({ title: "The server does not respond", action: "retry" });
    expect(bannerOf({ ...idle, server: { name: "unreachable" }, stream: { name: "live" } })).toBeNull();
  });

  it("reports why the model is not ready, or that it restarts", () => {
    expect(bannerOf({ ...idle, server: { name: "loading", reason: "loading weights", progress: null } })?.advice).toBe("Loading weights.");
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
    expect(bannerOf({ ...reconnecting, server: { name: "loading", reason: "loading weights", progress: null } })?.advice).toBe(
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
