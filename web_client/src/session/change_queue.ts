// Sends changes, and asks again where an answer was lost. What changes while a request is under way is merged.

import { Refused, Unreachable } from "../api";
import { Wait } from "../promises";
import type { Ack, Changes } from "../protocol";
import { hasPath, mergeChanges } from "./parameters";

const RETRY_MS = 1000; // while a lost connection is not noticed yet
const PATIENCE_MS = 500; // then the next request goes: a pause must not wait until a long prompt is encoded
const NO_SESSION = 404;

export interface ChangeEvents {
  /** `controls` have what they asked for last; others may have newer requests under way. */
  acknowledged: (controls: string[], ack: Ack) => void;
  refused: (control: string, reason: string) => void;
}

interface Wish {
  changes: Changes;
}

type Batch = Map<string, Wish>; // by control: the path of its parameter

export class ChangeQueue {
  private waiting: Batch = new Map();
  private readonly newest: Batch = new Map(); // of each control, sent or not
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
    const wish = { changes };
    this.newest.set(control, wish);
    this.waiting.set(control, wish);
    void this.drain();
  }

  /** There is a session to send to: what has waited goes now. */
  open(): void {
    this.connection ??= new AbortController();
    void this.drain();
  }

  /** The connection is lost: what was not acknowledged waits for the next. */
  close(): void {
    this.connection?.abort();
    this.connection = null;
  }

  private async drain(): Promise<void> {
    if (!this.idle) return;
    this.idle = false;
    while (this.connection !== null && this.waiting.size > 0) {
      const { signal } = this.connection;
      const batch = this.waiting;
      this.waiting = new Map();
      const patience = this.wait.pause(PATIENCE_MS, signal).then(() => "unanswered");
      const outcome = await Promise.race([this.deliver(batch, signal), patience]);
      if (outcome === "lost") await this.wait.pause(RETRY_MS, signal);
    }
    this.idle = true;
  }

  private async deliver(batch: Batch, signal: AbortSignal): Promise<"answered" | "lost"> {
    try {
      const ack = await this.send([...batch.values()].map(({ changes }) => changes).reduce(mergeChanges, {}), signal);
      if (!this.run.aborted) this.events.acknowledged(this.current(batch), ack);
      return "answered";
    } catch (error) {
      if (this.run.aborted) return "answered";
      if (isLost(error)) this.putBack(batch, this.current(batch));
      else this.refuse(batch, error);
      return isLost(error) ? "lost" : "answered";
    } finally {
      void this.drain(); // nobody may wait for this answer any more
    }
  }

  /** One bad value turns the whole request down: the others get another try without it. */
  private refuse(batch: Batch, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const path = error instanceof Refused ? error.path : null;
    const controls = this.current(batch);
    const culprits = controls.filter((control) => path !== null && hasPath(batch.get(control)?.changes, path));
    const others = culprits.length > 0 ? controls.filter((control) => !culprits.includes(control)) : [];
    this.putBack(batch, others);
    for (const control of culprits.length > 0 ? culprits : controls) this.events.refused(control, reason);
  }

  /** The batch's controls that were asked for nothing newer since. */
  private current(batch: Batch): string[] {
    return [...batch].filter(([control, wish]) => this.newest.get(control) === wish).map(([control]) => control);
  }

  /** Before what has come since, as it was asked for first. */
  private putBack(batch: Batch, controls: string[]): void {
    const again = [...batch].filter(([control]) => controls.includes(control));
    this.waiting = new Map([...again, ...this.waiting]);
  }
}

/** The server has neither taken nor refused the change. */
function isLost(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refused && error.status === NO_SESSION);
}
