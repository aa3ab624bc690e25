import { expect, it } from "vitest";
import { LinkMeter } from "../../src/media/link_meter";

type Values = Record<string, unknown>;

/** A report as Chromium gives it, `seconds` after the connection began. */
function report(seconds: number, { source = {}, sent = {}, received = {}, remote = {} }: Record<string, Values> = {}): RTCStatsReport {
  const video = { kind: "video", timestamp: 1e12 + seconds * 1000 };
  return new Map<string, Values>([
    ["a", { ...video, type: "media-source", ...source }],
    ["b", { ...video, type: "outbound-rtp", ...sent }],
    ["c", { ...video, type: "inbound-rtp", ...received }],
    ["d", { ...video, type: "remote-inbound-rtp", ...remote }],
    ["e", { ...video, type: "outbound-rtp", kind: "audio", bytesSent: 1e9 }],
    ["f", { type: "candidate-pair", timestamp: video.timestamp, nominated: true, currentRoundTripTime: 0.04 }],
    ["g", { type: "candidate-pair", timestamp: video.timestamp, nominated: false, currentRoundTripTime: 9 }],
  ]);
}

it("rates and losses are those between two reports", () => {
  const meter = new LinkMeter();
  const zero = { framesSent: 100, bytesSent: 1000, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, frames: 300 };
  expect(meter.measure(report(0, { source: zero, sent: zero, received: zero }))).toBeNull();
  const link = meter.measure(
    report(2, {
      source: { frames: 360 },
      sent: { framesSent: 140, bytesSent: 126_000, qualityLimitationReason: "bandwidth" },
      received: { bytesReceived: 50_000, packetsReceived: 95, packetsLost: 5 },
      remote: { fractionLost: 0.02 },
    }),
  );
  expect(link).toEqual({
    source_fps: 30,
    sent_fps: 20,
    limitation: "bandwidth",
    upload_bps: 500_000,
    download_bps: 200_000,
    upload_loss: 0.02,
    download_loss: 0.05,
    round_trip_ms: 40,
  });
});

it("what the browser does not report is unknown, not zero", () => {
  const meter = new LinkMeter();
  meter.measure(report(0, { sent: { framesSent: 900, qualityLimitationReason: "none" } }));
  const link = meter.measure(report(1, { sent: { framesSent: 20, qualityLimitationReason: "none" } }));
  expect(link).toMatchObject({ sent_fps: null, source_fps: null, limitation: null, download_loss: null, upload_loss: null }); // another track is counted from 0
});
