// Sends changes one request at a time. What changes while a request is under way is merged, and the newest value goes.

import { Refused } from "./api";
import type { Ack, Changes } from "./protocol";

export type Outcome = { ok: true; ack: Ack } | { ok: false; reason: string };

export class LatestWins {
  private waiting = new Map<string, Changes>();
  private busy = false;

  /**
   * `send` delivers a change; `report` hears once per control and request how that went.
   * A control's name is the path of its parameter, as the server names it in a refusal.
   */
  constructor(
    private readonly send: (changes: Changes) => Promise<Ack>,
    private readonly report: (control: string, outcome: Outcome) => void,
  ) {}

  put(control: string, changes: Changes): void {
    this.waiting.set(control, changes);
    if (!this.busy) void this.drain();
  }

  /** Forgets what has not been sent. */
  clear(): void {
    this.waiting.clear();
  }

  private async drain(): Promise<void> {
    this.busy = true;
    while (this.waiting.size > 0) {
      const batch = this.waiting;
      this.waiting = new Map();
      await this.deliver(batch);
    }
    this.busy = false;
  }

  private async deliver(batch: Map<string, Changes>): Promise<void> {
    try {
      const ack = await this.send([...batch.values()].reduce(mergeChanges, {}));
      for (const control of batch.keys()) this.report(control, { ok: true, ack });
    } catch (error) {
      this.refuse(batch, error);
    }
  }

  /** One bad value turns the whole request down: the others get another try without it. */
  private refuse(batch: Map<string, Changes>, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const culprit = error instanceof Refused ? error.path : null;
    const known = culprit !== null && batch.has(culprit);
    for (const [control, changes] of batch) {
      if (!known || control === culprit) this.report(control, { ok: false, reason });
      else if (!this.waiting.has(control)) this.waiting.set(control, changes);
    }
  }
}

export function mergeChanges(older: Changes, newer: Changes): Changes {
  const merged = { ...older, ...newer };
  if (older.pruning !== undefined && newer.pruning !== undefined) merged.pruning = { ...older.pruning, ...newer.pruning };
  return merged;
}
