import { expect, it } from "vitest";
import type { SessionStatus } from "../../src/api/protocol";
import { ConnectionHistory } from "../../src/session/connection_history";
import type { ConnectionFacts, Sample } from "../../src/session/connection_history";
import { BANDS, levelIn, verdictOf } from "../../src/session/connection_verdict";

const GOOD: Sample = {
  at_ms: 0,
  shown_fps: 24,
  source_fps: 30,
  sent_fps: 30,
  received_fps: 29.7,
  model_fps: 24,
  returned_fps: 24,
  engine_fps: 26,
  latency_stages_ms: { transport_in: 30, wait: 100, model: 90, pacing: 60, encode: 5, transport_out: 30 },
  keep_ratio: 0.3,
  upload_bps: 1e6,
  download_bps: 1e6,
  upload_loss: 0,
  download_loss: 0,
  round_trip_ms: 20,
};
const ALONE: ConnectionFacts = { limitation: null, sharing: 1, pruning: true };

const verdict = (changes: Partial<Sample>, facts: Partial<ConnectionFacts> = {}): string[] => {
  const { level, cause, remedy } = verdictOf({ ...GOOD, ...changes }, { ...ALONE, ...facts }, "camera");
  return [level, cause, remedy];
};

it("the bands are inclusive, past the last it is very poor", () => {
  expect([500, 501, 900, 1500, 1501].map((ms) => levelIn(BANDS.latency_ms, ms))).toEqual(["good", "fair", "fair", "poor", "bad"]);
  expect([20, 19.9, 12, 5, 4].map((fps) => levelIn(BANDS.fps, fps))).toEqual(["good", "fair", "fair", "poor", "bad"]);
});

it("a good connection has no cause", () => {
  expect(verdict({})).toEqual(["good", "", ""]);
});

it.each<[string, Partial<Sample>, Partial<ConnectionFacts>, string, RegExp]>([
  ["the camera", { shown_fps: 15, source_fps: 15, sent_fps: 15, received_fps: 15, model_fps: 15, returned_fps: 15 }, {}, "fair", /^The camera gives 15 .*light/],
  ["a busy computer", { shown_fps: 10, sent_fps: 10.5, received_fps: 10, model_fps: 10, returned_fps: 10 }, { limitation: "cpu" }, "poor", /too busy.*Close other programs/],
  ["a narrow upload", { shown_fps: 10, sent_fps: 10.5, received_fps: 10, model_fps: 10, returned_fps: 10 }, { limitation: "bandwidth" }, "poor", /upload takes 10 .*\(1\.0 Mbit\/s\).*cable/],
  ["loss on the upload", { shown_fps: 8, received_fps: 8, model_fps: 8, returned_fps: 8, upload_loss: 0.09 }, {}, "poor", /upload 9 % is lost.*cable/],
  ["an upload that frames do not survive", { shown_fps: 8, received_fps: 8, model_fps: 8, returned_fps: 8 }, {}, "poor", /Only 8 .* of the 30 that are sent/],
  ["the model's speed", { shown_fps: 15.5, model_fps: 16, returned_fps: 16, engine_fps: 16.5 }, {}, "fair", /model edits 16 .*network keeps up.*Ignore changes below/],
  ["the model without reuse", { shown_fps: 15.5, model_fps: 16, returned_fps: 16, engine_fps: 16.5 }, { pruning: false }, "fair", /Switch on "Reuse/],
  ["other sessions", { shown_fps: 8, model_fps: 8, returned_fps: 8, engine_fps: 16 }, { sharing: 2 }, "poor", /busy: 2 streams.*another stream/],
  ["one's own model beside an idle session", { shown_fps: 8, model_fps: 8, returned_fps: 8, engine_fps: 8.5 }, { sharing: 2 }, "poor", /model edits 8/],
  ["late frames on the server", { shown_fps: 9, model_fps: 16, returned_fps: 9 }, {}, "poor", /sends 9 .* of the 16/],
  ["the download", { shown_fps: 9 }, {}, "poor", /Only 9 .* of the 24 that the server sends.*cable/],
  ["a slow upload", { latency_stages_ms: { ...GOOD.latency_stages_ms, transport_in: 700 } }, {}, "poor", /upload takes 700 ms.*cable/],
  ["a slow download", { latency_stages_ms: { ...GOOD.latency_stages_ms, transport_out: 400 } }, {}, "fair", /download takes 400 ms.*cable/],
  ["a slow model", { latency_stages_ms: { ...GOOD.latency_stages_ms, wait: 900, model: 700 } }, {}, "bad", /server takes 1665 ms.*faster machine/],
  ["a wait for other sessions", { latency_stages_ms: { ...GOOD.latency_stages_ms, wait: 600 } }, { sharing: 3 }, "fair", /busy: 3 streams/],
  ["loss alone", { download_loss: 0.12 }, {}, "poor", /download 12 % is lost.*cable/],
])("the cause is %s", (_, changes, facts, level, text) => {
  const [found, ...words] = verdict(changes, facts);
  expect(found).toBe(level);
  expect(words.join(" ")).toMatch(text);
});

it("a shared screen at rest is no bad connection", () => {
  const still = { ...GOOD, shown_fps: 2, source_fps: 2, sent_fps: 2, received_fps: 2, model_fps: 2, returned_fps: 2 };
  expect(verdictOf(still, ALONE, "screen").level).toBe("good");
  expect(verdictOf(still, ALONE, "camera").level).toBe("bad");
});

it("the history is a minute, and its newest seconds count as medians", () => {
  const history = new ConnectionHistory();
  const stats = { fps_in: 30, model_fps: 24, fps_out: 24, keep_ratio: 0.5, latency_stages_ms: { model: 90 }, stage_ms: { encode: 20, denoise: 80 } };
  const status = { model: { sharing: 2 }, parameters: { pruning: { enabled: true } }, stats } as unknown as SessionStatus;
  for (let second = 0; second < 3; second++) history.add(status, null, 24, 4, second * 1000);
  expect(history.recent).toBeNull(); // too few
  for (let second = 3; second < 90; second++) history.add(status, null, second === 88 ? 1 : 20, 4, second * 1000);
  expect(history.samples).toHaveLength(60);
  expect(history.recent).toMatchObject({ shown_fps: 20, model_fps: 24, engine_fps: 40, source_fps: null, latency_stages_ms: { model: 90 } });
  expect(history.facts).toEqual({ limitation: null, sharing: 2, pruning: true });
  history.clear();
  expect(history.recent).toBeNull();
});
