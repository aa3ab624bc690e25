// Sends changes and retries undelivered ones. Changes made while a request is in flight are merged into the next.

import { ApiError, ServerUnreachable } from "../api/client";
import type { Acknowledgement, Changes } from "../api/protocol";
import { errorMessage } from "./error_message";
import { hasPath, mergeChanges } from "./parameters";
import { InterruptibleDelay } from "./interruptible_delay";

const RETRY_MS = 1000; // while the loss of the connection is not detected yet
const MAX_RESPONSE_WAIT_MS = 500; // then the next request is sent: a pause must not wait until a long prompt is encoded
const NO_SESSION = 404;

export interface ChangeEvents {
  /** `controls`: those of the request without a newer change. */
  acknowledged: (controls: string[], acknowledgement: Acknowledgement) => void;
  rejected: (control: string, reason: string) => void;
}

interface QueuedChange {
  changes: Changes;
}

type Batch = Map<string, QueuedChange>; // by control: the parameter's path

export class ChangeQueue {
  private waiting: Batch = new Map();
  private readonly newest: Batch = new Map(); // the last change of each control, sent or not
  private connection: AbortController | null = null;
  private isIdle = true;
  private readonly delay = new InterruptibleDelay();

  /** After `run` is aborted nothing is sent, and responses are ignored. */
  constructor(
    private readonly send: (changes: Changes, signal: AbortSignal) => Promise<Acknowledgement>,
    private readonly events: ChangeEvents,
    private readonly run: AbortSignal,
  ) {
    run.addEventListener("abort", () => {
      this.close();
    });
  }

  enqueue(control: string, changes: Changes): void {
    const change = { changes };
    this.newest.set(control, change);
    this.waiting.delete(control); // re-inserted: later changes take precedence
    this.waiting.set(control, change);
    void this.drain();
  }

  /** There is a connection: sends the waiting changes. */
  open(): void {
    this.connection ??= new AbortController();
    void this.drain();
  }

  /** The connection is lost: unacknowledged changes wait for the next one. */
  close(): void {
    this.connection?.abort();
    this.connection = null;
  }

  private async drain(): Promise<void> {
    if (!this.isIdle) return;
    this.isIdle = false;
    while (this.connection !== null && this.waiting.size > 0) {
      const { signal } = this.connection;
      const batch = this.waiting;
      this.waiting = new Map();
      const timeout = this.delay.wait(MAX_RESPONSE_WAIT_MS, signal).then(() => "timeout");
      const outcome = await Promise.race([this.sendBatch(batch, signal), timeout]);
      if (outcome === "undelivered") await this.delay.wait(RETRY_MS, signal);
    }
    this.isIdle = true;
  }

  private async sendBatch(batch: Batch, signal: AbortSignal): Promise<"done" | "undelivered"> {
    try {
      const ack = await this.send([...batch.values()].map(({ changes }) => changes).reduce(mergeChanges, {}), signal);
      if (!this.run.aborted) this.events.acknowledged(this.unsupersededControls(batch), ack);
      return "done";
    } catch (error) {
      if (this.run.aborted) return "done";
      if (isUndelivered(error)) this.requeue(batch, this.unsupersededControls(batch));
      else this.handleRejection(batch, error);
      return isUndelivered(error) ? "undelivered" : "done";
    } finally {
      void this.drain(); // after a timeout nothing else restarts the loop
    }
  }

  /** One invalid value rejects the whole request: the others are sent again without it. */
  private handleRejection(batch: Batch, error: unknown): void {
    const reason = errorMessage(error);
    const path = error instanceof ApiError ? error.path : null;
    const controls = this.unsupersededControls(batch);
    const rejected = controls.filter((control) => path !== null && hasPath(batch.get(control)?.changes, path));
    const others = rejected.length > 0 ? controls.filter((control) => !rejected.includes(control)) : [];
    this.requeue(batch, others);
    for (const control of rejected.length > 0 ? rejected : controls) this.events.rejected(control, reason);
  }

  /** The batch's controls without a newer change. */
  private unsupersededControls(batch: Batch): string[] {
    return [...batch].filter(([control, change]) => this.newest.get(control) === change).map(([control]) => control);
  }

  /** Puts controls of a batch back in front of the changes queued since. */
  private requeue(batch: Batch, controls: string[]): void {
    const requeued = [...batch].filter(([control]) => controls.includes(control));
    this.waiting = new Map([...requeued, ...this.waiting]);
  }
}

/** The server has neither accepted nor rejected the change. */
function isUndelivered(error: unknown): boolean {
  return error instanceof ServerUnreachable || (error instanceof ApiError && error.status === NO_SESSION);
}
