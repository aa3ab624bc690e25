import { describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/api";
import type { Ack, Changes } from "../src/protocol";
import { ChangeQueue } from "../src/session/change_queue";
import { mergeChanges } from "../src/session/parameters";

/** A server whose answers the test gives, one by one. */
class Desk {
  readonly asked: Changes[] = [];
  readonly acknowledged: [string, number][] = [];
  readonly refused: [string, string][] = [];
  readonly run = new AbortController();
  private answers: { resolve: (ack: Ack) => void; reject: (error: Error) => void }[] = [];

  readonly queue = new ChangeQueue(
    (changes, signal) => {
      this.asked.push(changes);
      return new Promise((resolve, reject) => {
        this.answers.push({ resolve, reject });
        signal.addEventListener("abort", () => {
          reject(new Unreachable(null));
        });
      });
    },
    {
      acknowledged: (controls, { block }) => this.acknowledged.push(...controls.map((control): [string, number] => [control, block])),
      refused: (control, reason) => this.refused.push([control, reason]),
    },
    this.run.signal,
  );

  constructor() {
    this.queue.open();
  }

  async acknowledge(block: number): Promise<void> {
    this.answers.shift()?.resolve({ block, pending: false } as Ack);
    await settled();
  }

  async refuse(error: Error): Promise<void> {
    this.answers.shift()?.reject(error);
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("a dragged slider", () => {
  it("has one request under way, and then the newest value", async () => {
    const desk = new Desk();
    for (const strength of [0.1, 0.2, 0.3, 0.4]) desk.queue.put("strength", { strength });
    expect(desk.asked).toEqual([{ strength: 0.1 }]);
    await desk.acknowledge(7);
    expect(desk.asked).toEqual([{ strength: 0.1 }, { strength: 0.4 }]);
    await desk.acknowledge(9);
    expect(desk.asked).toHaveLength(2);
    expect(desk.acknowledged).toEqual([["strength", 9]]); // at 7 a newer value waited already
  });
});

describe("changes of several controls", () => {
  it("go in one request, each of them reported", async () => {
    const desk = new Desk();
    desk.queue.put("prompt", { prompt: "sepia" });
    desk.queue.put("pruning.tau", { pruning: { tau: 0.2 } });
    desk.queue.put("pruning.min_keep", { pruning: { min_keep: 0.5 } });
    await desk.acknowledge(1);
    expect(desk.asked[1]).toEqual({ pruning: { tau: 0.2, min_keep: 0.5 } });
    await desk.acknowledge(2);
    expect(desk.acknowledged.map(([control]) => control)).toEqual(["prompt", "pruning.tau", "pruning.min_keep"]);
  });

  it("get another try without the one that was refused", async () => {
    const desk = new Desk();
    desk.queue.put("seed", { seed: 1 });
    desk.queue.put("prompt", { prompt: " " });
    desk.queue.put("strength", { strength: 0.5 });
    await desk.acknowledge(1);
    await desk.refuse(new Refused(422, "prompt = ' ': must hold more than white space", "prompt"));
    expect(desk.refused).toEqual([["prompt", "prompt = ' ': must hold more than white space"]]);
    expect(desk.asked.at(-1)).toEqual({ strength: 0.5 });
    await desk.acknowledge(2);
    expect(desk.asked).toHaveLength(3);
    expect(desk.acknowledged.at(-1)?.[0]).toBe("strength");
  });

  it("are all refused where the server blames none of them, and asked no more", async () => {
    const desk = new Desk();
    desk.queue.put("seed", { seed: 1 });
    desk.queue.put("prompt", { prompt: "x" });
    desk.queue.put("strength", { strength: 0.5 });
    await desk.acknowledge(1);
    await desk.refuse(new Refused(503, "the model is restarting"));
    expect(desk.refused.map(([control]) => control)).toEqual(["prompt", "strength"]);
    expect(desk.asked).toHaveLength(2);
  });
});

describe("a lost connection", () => {
  it("leaves what was not acknowledged to the next, the newest value first", async () => {
    const desk = new Desk();
    desk.queue.put("strength", { strength: 0.1 });
    desk.queue.close();
    await settled();
    desk.queue.put("strength", { strength: 0.3 });
    desk.queue.put("seed", { seed: 1 });
    expect(desk.asked).toHaveLength(1);
    desk.queue.open();
    expect(desk.asked.at(-1)).toEqual({ strength: 0.3, seed: 1 });
    expect(desk.refused).toEqual([]);
  });

  it("that is not noticed yet is no refusal", async () => {
    vi.useFakeTimers();
    const desk = new Desk();
    desk.queue.put("seed", { seed: 1 });
    void desk.refuse(new Unreachable(null));
    await vi.advanceTimersByTimeAsync(1100);
    expect([desk.asked, desk.refused]).toEqual([[{ seed: 1 }, { seed: 1 }], []]);
    vi.useRealTimers();
  });

  it("matters to nobody once the session is over", async () => {
    const desk = new Desk();
    desk.queue.put("seed", { seed: 1 });
    desk.queue.put("strength", { strength: 0.5 });
    desk.run.abort();
    await desk.acknowledge(1);
    expect([desk.asked, desk.acknowledged]).toEqual([[{ seed: 1 }], []]);
  });
});

it("merges what is nested instead of replacing it", () => {
  const older = { prompt: "a", pruning: { tau: 0.1, enabled: true } };
  expect(mergeChanges(older, { prompt: "b", pruning: { tau: 0.3 } })).toEqual({ prompt: "b", pruning: { tau: 0.3, enabled: true } });
  expect(older.pruning.tau).toBe(0.1);
});

it("a pause does not wait until a long prompt is encoded", async () => {
  vi.useFakeTimers();
  const desk = new Desk();
  desk.queue.put("prompt", { prompt: "a long text" });
  desk.queue.put("paused", { paused: true });
  await vi.advanceTimersByTimeAsync(100);
  expect(desk.asked).toEqual([{ prompt: "a long text" }]);
  await vi.advanceTimersByTimeAsync(500);
  expect(desk.asked.at(-1)).toEqual({ paused: true });
  vi.useRealTimers();
});

it("a refusal of a part is the control's that asked for it", async () => {
  const desk = new Desk();
  desk.queue.put("seed", { seed: 1 });
  desk.queue.put("changed patches", { pruning: { tau: 9 } });
  desk.queue.put("strength", { strength: 0.4 });
  await desk.acknowledge(1); // the seed's
  await desk.refuse(new Refused(422, "must be 0 to 2", "pruning.tau"));
  expect(desk.refused).toEqual([["changed patches", "must be 0 to 2"]]);
  expect(desk.asked.at(-1)).toEqual({ strength: 0.4 }); // has another try without it
});
