// Sends changes one request at a time. What changes while a request is under way is merged, and the newest value goes.

import { Refused, Unreachable } from "../api";
import { Wait } from "../promises";
import type { Ack, Changes } from "../protocol";
import { mergeChanges } from "./parameters";

const RETRY_MS = 1000; // while a lost connection is not noticed yet
const NO_SESSION = 404;

export interface ChangeEvents {
  /** `controls` have what they asked for last; others may have newer requests under way. */
  acknowledged: (controls: string[], ack: Ack) => void;
  refused: (control: string, reason: string) => void;
}

type Batch = Map<string, Changes>; // by control: the path of its parameter, as the server names it in a refusal

export class ChangeQueue {
  private waiting: Batch = new Map();
  private connection: AbortController | null = null;
  private idle = true;
  private readonly wait = new Wait();

  /** `run`: once it is over nothing is sent, and no answer matters. */
  constructor(
    private readonly send: (changes: Changes, signal: AbortSignal) => Promise<Ack>,
    private readonly events: ChangeEvents,
    private readonly run: AbortSignal,
  ) {
    run.addEventListener("abort", () => {
      this.close();
    });
  }

  put(control: string, changes: Changes): void {
    this.waiting.set(control, changes);
    if (this.idle) void this.drain();
  }

  /** There is a session to send to: what has waited goes now. */
  open(): void {
    this.connection ??= new AbortController();
    if (this.idle) void this.drain();
  }

  /** The connection is lost: what was not acknowledged waits for the next. */
  close(): void {
    this.connection?.abort();
    this.connection = null;
  }

  private async drain(): Promise<void> {
    this.idle = false;
    while (this.connection !== null && this.waiting.size > 0) {
      const batch = this.waiting;
      this.waiting = new Map();
      await this.deliver(batch, this.connection.signal);
    }
    this.idle = true;
  }

  private async deliver(batch: Batch, signal: AbortSignal): Promise<void> {
    try {
      const ack = await this.send([...batch.values()].reduce(mergeChanges, {}), signal);
      if (this.run.aborted) return;
      const controls = [...batch.keys()].filter((control) => !this.waiting.has(control));
      this.events.acknowledged(controls, ack);
    } catch (error) {
      if (this.run.aborted) return;
      if (!isLost(error)) this.refuse(batch, error);
      else {
        this.putBack(batch);
        await this.wait.pause(RETRY_MS, signal);
      }
    }
  }

  /** One bad value turns the whole request down: the others get another try without it. */
  private refuse(batch: Batch, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const culprit = error instanceof Refused ? error.path : null;
    const isKnown = culprit !== null && batch.has(culprit);
    for (const [control, changes] of batch) {
      if (this.waiting.has(control)) continue; // a newer value has yet to be tried
      if (!isKnown || control === culprit) this.events.refused(control, reason);
      else this.waiting.set(control, changes);
    }
  }

  private putBack(batch: Batch): void {
    this.waiting = new Map([...batch, ...this.waiting]);
  }
}

/** The server has neither taken nor refused the change. */
function isLost(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refused && error.status === NO_SESSION);
}
