// What went wrong beside a session that goes on: with its source, or with its sound.

import type { Problem } from "../problems";

export type Topic = "source" | "sound";

export class Notices {
  private problems: { topic: Topic; problem: Problem }[] = []; // the newest last

  /** `changed` is told the one to show. */
  constructor(private readonly changed: (problem: Problem | null) => void) {}

  put(topic: Topic, problem: Problem): void {
    this.problems = this.problems.filter((one) => one.topic !== topic);
    this.problems.push({ topic, problem });
    this.tell();
  }

  clear(topic: Topic): void {
    this.keep((one) => one.topic !== topic);
  }

  clearAll(): void {
    this.keep(() => false);
  }

  /** Devices were plugged in, or permissions given: what was said of missing ones may be true no more. */
  devicesChanged(): void {
    this.keep(({ problem }) => problem.kind !== "device");
  }

  /** The one that is shown was read. */
  dismiss(): void {
    const shown = this.problems.at(-1);
    this.keep((one) => one !== shown);
  }

  private keep(stays: (one: { topic: Topic; problem: Problem }) => boolean): void {
    const before = this.problems.length;
    this.problems = this.problems.filter(stays);
    if (this.problems.length < before) this.tell();
  }

  private tell(): void {
    this.changed(this.problems.at(-1)?.problem ?? null);
  }
}
