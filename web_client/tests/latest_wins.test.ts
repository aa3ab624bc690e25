import { describe, expect, it } from "vitest";
import { Refused } from "../src/api";
import { LatestWins, mergeChanges } from "../src/latest_wins";
import type { Outcome } from "../src/latest_wins";
import type { Ack, Changes } from "../src/protocol";

/** A server whose answers the test gives, one by one. */
class Desk {
  readonly asked: Changes[] = [];
  readonly heard: [string, Outcome][] = [];
  private answers: { resolve: (ack: Ack) => void; reject: (error: Error) => void }[] = [];

  readonly sender = new LatestWins(
    (changes) => {
      this.asked.push(changes);
      return new Promise((resolve, reject) => this.answers.push({ resolve, reject }));
    },
    (control, outcome) => this.heard.push([control, outcome]),
  );

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
    for (const strength of [0.1, 0.2, 0.3, 0.4]) desk.sender.put("strength", { strength });
    expect(desk.asked).toEqual([{ strength: 0.1 }]);
    await desk.acknowledge(7);
    expect(desk.asked).toEqual([{ strength: 0.1 }, { strength: 0.4 }]);
    await desk.acknowledge(9);
    expect(desk.asked).toHaveLength(2);
    expect(desk.heard.map(([control, outcome]) => [control, outcome.ok && outcome.ack.block])).toEqual([
      ["strength", 7],
      ["strength", 9],
    ]);
  });
});

describe("changes of several controls", () => {
  it("go in one request, each of them reported", async () => {
    const desk = new Desk();
    desk.sender.put("prompt", { prompt: "sepia" });
    desk.sender.put("pruning.tau", { pruning: { tau: 0.2 } });
    desk.sender.put("pruning.min_keep", { pruning: { min_keep: 0.5 } });
    await desk.acknowledge(1);
    expect(desk.asked[1]).toEqual({ pruning: { tau: 0.2, min_keep: 0.5 } });
    await desk.acknowledge(2);
    expect(desk.heard.map(([control]) => control)).toEqual(["prompt", "pruning.tau", "pruning.min_keep"]);
  });

  it("get another try without the one that was refused", async () => {
    const desk = new Desk();
    desk.sender.put("seed", { seed: 1 });
    desk.sender.put("prompt", { prompt: " " });
    desk.sender.put("strength", { strength: 0.5 });
    await desk.acknowledge(1);
    await desk.refuse(new Refused(422, "prompt = ' ': must hold more than white space", "prompt"));
    expect(desk.heard.at(-1)).toEqual(["prompt", { ok: false, reason: "prompt = ' ': must hold more than white space" }]);
    expect(desk.asked.at(-1)).toEqual({ strength: 0.5 });
    await desk.acknowledge(2);
    expect(desk.asked).toHaveLength(3);
    expect(desk.heard.at(-1)?.[0]).toBe("strength");
  });

  it("are all refused where the server blames none of them, and asked no more", async () => {
    const desk = new Desk();
    desk.sender.put("seed", { seed: 1 });
    desk.sender.put("prompt", { prompt: "x" });
    desk.sender.put("strength", { strength: 0.5 });
    await desk.acknowledge(1);
    await desk.refuse(new Error("the server does not answer"));
    expect(desk.heard.slice(1).map(([control, outcome]) => [control, outcome.ok])).toEqual([
      ["prompt", false],
      ["strength", false],
    ]);
    expect(desk.asked).toHaveLength(2);
  });

  it("that were not sent can be forgotten", async () => {
    const desk = new Desk();
    desk.sender.put("seed", { seed: 1 });
    desk.sender.put("strength", { strength: 0.5 });
    desk.sender.clear();
    await desk.acknowledge(1);
    expect(desk.asked).toEqual([{ seed: 1 }]);
  });
});

it("merges what is nested instead of replacing it", () => {
  const older = { prompt: "a", pruning: { tau: 0.1, enabled: true } };
  expect(mergeChanges(older, { prompt: "b", pruning: { tau: 0.3 } })).toEqual({ prompt: "b", pruning: { tau: 0.3, enabled: true } });
  expect(older.pruning.tau).toBe(0.1);
});
