import { describe, expect, it, vi } from "vitest";
import { ApiError, ServerUnreachable } from "../../src/api/client";
import type { Acknowledgement, Changes } from "../../src/api/protocol";
import { ChangeQueue } from "../../src/session/change_queue";
import { mergeChanges } from "../../src/session/parameters";

/** A queue and a server whose responses the test controls. */
class QueueFixture {
  readonly requests: Changes[] = [];
  readonly acknowledged: [string, number][] = [];
  readonly rejected: [string, string][] = [];
  readonly run = new AbortController();
  private pending: { resolve: (acknowledgement: Acknowledgement) => void; reject: (error: Error) => void }[] = [];

  readonly queue = new ChangeQueue(
    (changes, signal) => {
      this.requests.push(changes);
      return new Promise((resolve, reject) => {
        this.pending.push({ resolve, reject });
        signal.addEventListener("abort", () => {
          reject(new ServerUnreachable(null));
        });
      });
    },
    {
      acknowledged: (controls, { block }) => this.acknowledged.push(...controls.map((control): [string, number] => [control, block])),
      rejected: (control, reason) => this.rejected.push([control, reason]),
    },
    this.run.signal,
  );

  constructor() {
    this.queue.open();
  }

  async acknowledge(block: number): Promise<void> {
    this.pending.shift()?.resolve({ block, pending: false } as Acknowledgement);
    await flushPromises();
  }

  async reject(error: Error): Promise<void> {
    this.pending.shift()?.reject(error);
    await flushPromises();
  }
}

const flushPromises = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("a dragged slider", () => {
  it("has one request in flight, and then sends the newest value", async () => {
    const fixture = new QueueFixture();
    for (const strength of [0.1, 0.2, 0.3, 0.4]) fixture.queue.enqueue("strength", { strength });
    expect(fixture.requests).toEqual([{ strength: 0.1 }]);
    await fixture.acknowledge(7);
    expect(fixture.requests).toEqual([{ strength: 0.1 }, { strength: 0.4 }]);
    await fixture.acknowledge(9);
    expect(fixture.requests).toHaveLength(2);
    expect(fixture.acknowledged).toEqual([["strength", 9]]); // at 7 a newer value was already queued
  });
});

describe("changes of several controls", () => {
  it("are merged into one request, and acknowledged each", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("prompt", { prompt: "sepia" });
    fixture.queue.enqueue("pruning.tau", { pruning: { tau: 0.2 } });
    fixture.queue.enqueue("pruning.min_keep", { pruning: { min_keep: 0.5 } });
    await fixture.acknowledge(1);
    expect(fixture.requests[1]).toEqual({ pruning: { tau: 0.2, min_keep: 0.5 } });
    await fixture.acknowledge(2);
    expect(fixture.acknowledged.map(([control]) => control)).toEqual(["prompt", "pruning.tau", "pruning.min_keep"]);
  });

  it("that exclude each other are not sent together: the last one counts", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("seed", { seed: 1 });
    fixture.queue.enqueue("strength", { strength: 0.5 });
    fixture.queue.enqueue("denoising_steps", { denoising_steps: [400, 300] });
    await fixture.acknowledge(1);
    expect(fixture.requests[1]).toEqual({ denoising_steps: [400, 300] });
    fixture.queue.enqueue("strength", { strength: 0.1 });
    fixture.queue.enqueue("denoising_steps", { denoising_steps: [200] });
    fixture.queue.enqueue("strength", { strength: 0.2 });
    await fixture.acknowledge(2);
    expect(fixture.requests[2]).toEqual({ strength: 0.2 });
  });

  it("are sent again without the rejected one", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("seed", { seed: 1 });
    fixture.queue.enqueue("prompt", { prompt: " " });
    fixture.queue.enqueue("strength", { strength: 0.5 });
    await fixture.acknowledge(1);
    await fixture.reject(new ApiError(422, "prompt = ' ': must hold more than white space", "prompt"));
    expect(fixture.rejected).toEqual([["prompt", "prompt = ' ': must hold more than white space"]]);
    expect(fixture.requests.at(-1)).toEqual({ strength: 0.5 });
    await fixture.acknowledge(2);
    expect(fixture.requests).toHaveLength(3);
    expect(fixture.acknowledged.at(-1)?.[0]).toBe("strength");
  });

  it("are all rejected, and not sent again, if the server names none of them", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("seed", { seed: 1 });
    fixture.queue.enqueue("prompt", { prompt: "x" });
    fixture.queue.enqueue("strength", { strength: 0.5 });
    await fixture.acknowledge(1);
    await fixture.reject(new ApiError(503, "the model is restarting"));
    expect(fixture.rejected.map(([control]) => control)).toEqual(["prompt", "strength"]);
    expect(fixture.requests).toHaveLength(2);
  });
});

describe("after a lost connection", () => {
  it("unacknowledged changes are sent over the next one, with the newest values", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("strength", { strength: 0.1 });
    fixture.queue.close();
    await flushPromises();
    fixture.queue.enqueue("strength", { strength: 0.3 });
    fixture.queue.enqueue("seed", { seed: 1 });
    expect(fixture.requests).toHaveLength(1);
    fixture.queue.open();
    expect(fixture.requests.at(-1)).toEqual({ strength: 0.3, seed: 1 });
    expect(fixture.rejected).toEqual([]);
  });

  it("a loss not detected yet is not a rejection", async () => {
    vi.useFakeTimers();
    const fixture = new QueueFixture();
    fixture.queue.enqueue("seed", { seed: 1 });
    void fixture.reject(new ServerUnreachable(null));
    await vi.advanceTimersByTimeAsync(1100);
    expect([fixture.requests, fixture.rejected]).toEqual([[{ seed: 1 }, { seed: 1 }], []]);
    vi.useRealTimers();
  });

  it("nothing is sent once the session has ended", async () => {
    const fixture = new QueueFixture();
    fixture.queue.enqueue("seed", { seed: 1 });
    fixture.queue.enqueue("strength", { strength: 0.5 });
    fixture.run.abort();
    await fixture.acknowledge(1);
    expect([fixture.requests, fixture.acknowledged]).toEqual([[{ seed: 1 }], []]);
  });
});

it("nested changes are merged, not replaced", () => {
  const older = { prompt: "a", pruning: { tau: 0.1, enabled: true } };
  expect(mergeChanges(older, { prompt: "b", pruning: { tau: 0.3 } })).toEqual({ prompt: "b", pruning: { tau: 0.3, enabled: true } });
  expect(older.pruning.tau).toBe(0.1);
});

it("a pause does not wait until a long prompt is encoded", async () => {
  vi.useFakeTimers();
  const fixture = new QueueFixture();
  fixture.queue.enqueue("prompt", { prompt: "a long text" });
  fixture.queue.enqueue("paused", { paused: true });
  await vi.advanceTimersByTimeAsync(100);
  expect(fixture.requests).toEqual([{ prompt: "a long text" }]);
  await vi.advanceTimersByTimeAsync(500);
  expect(fixture.requests.at(-1)).toEqual({ paused: true });
  vi.useRealTimers();
});

it("a rejection of a nested value is reported for its control", async () => {
  const fixture = new QueueFixture();
  fixture.queue.enqueue("seed", { seed: 1 });
  fixture.queue.enqueue("pruning group", { pruning: { tau: 9 } });
  fixture.queue.enqueue("strength", { strength: 0.4 });
  await fixture.acknowledge(1); // of the seed
  await fixture.reject(new ApiError(422, "must be 0 to 2", "pruning.tau"));
  expect(fixture.rejected).toEqual([["pruning group", "must be 0 to 2"]]);
  expect(fixture.requests.at(-1)).toEqual({ strength: 0.4 }); // sent again without it
});
