// Problems with the source or sound of a continuing session.

import type { Problem } from "./problems";

export type Topic = "source" | "sound";

interface Notice {
  topic: Topic;
  problem: Problem;
}

export class Notices {
  private notices: Notice[] = []; // the newest last

  /** `changed` gets the notice to show. */
  constructor(private readonly changed: (problem: Problem | null) => void) {}

  put(topic: Topic, problem: Problem): void {
    this.notices = this.notices.filter((notice) => notice.topic !== topic);
    this.notices.push({ topic, problem });
    this.notify();
  }

  clear(topic: Topic): void {
    this.filter((notice) => notice.topic !== topic);
  }

  clearAll(): void {
    this.filter(() => false);
  }

  /** Devices or permissions have changed: removes notices about missing devices. */
  devicesChanged(): void {
    this.filter(({ problem }) => problem.kind !== "device");
  }

  /** Removes the notice that is shown. */
  dismiss(): void {
    const shown = this.notices.at(-1);
    this.filter((notice) => notice !== shown);
  }

  private filter(isKept: (notice: Notice) => boolean): void {
    const before = this.notices.length;
    this.notices = this.notices.filter(isKept);
    if (this.notices.length < before) this.notify();
  }

  private notify(): void {
    this.changed(this.notices.at(-1)?.problem ?? null);
  }
}
