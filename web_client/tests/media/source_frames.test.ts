import { describe, expect, it, vi } from "vitest";
import { FrameNames } from "../../src/media/frame_names";
import { CaptureClock } from "../../src/media/source_frames";

describe("the capture time of a source's frame", () => {
  it("is what the browser reports", () => {
    expect(new CaptureClock().time({ captureTime: 50, mediaTime: 7, presentationTime: 80 })).toBe(50);
  });

  it("follows the media time where the browser reports none, however late frames are presented", () => {
    const clock = new CaptureClock();
    expect(clock.time({ mediaTime: 1, presentationTime: 5002 })).toBe(5002);
    expect(clock.time({ mediaTime: 1.04, presentationTime: 5060 })).toBe(5042); // presented 18 ms late
    expect(clock.time({ mediaTime: 1.08, presentationTime: 5081 })).toBe(5081); // the first one was late by 1 ms
  });
});

describe("names of edited frames", () => {
  it("are times on the page's clock", () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const names = new FrameNames();
    const epoch_ms = Date.now() - performance.now();
    names.add({ rtp: 7, captured_ms: epoch_ms + 250 });
    vi.setSystemTime(9_000_000); // the system's clock is set
    names.add({ rtp: 8, captured_ms: epoch_ms + 300 });
    expect([names.capturedAt(7), names.capturedAt(8), names.capturedAt(9), names.capturedAt(undefined)]).toEqual([250, 300, null, null]);
    vi.useRealTimers();
  });

  it("are bounded", () => {
    const names = new FrameNames();
    for (let rtp = 0; rtp < 1000; rtp++) names.add({ rtp, captured_ms: 0 });
    expect(names.capturedAt(700)).toBeNull();
    expect(names.capturedAt(999)).not.toBeNull();
  });
});
