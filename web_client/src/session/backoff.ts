// Exponential backoff between reconnection attempts, which can be skipped.

import { InterruptibleDelay } from "./interruptible_delay";

const FIRST_DELAY_MS = 500; // doubles each time
const MAX_DELAY_MS = 8000;

export class Backoff {
  private readonly delay = new InterruptibleDelay();
  private skipsNextWait = false;

  /** Call before the first attempt of a series. */
  reset(): void {
    this.skipsNextWait = false;
  }

  /** Waits before the n-th attempt, n from 1. */
  async waitFor(attempt: number, signal: AbortSignal): Promise<void> {
    if (!this.skipsNextWait) await this.delay.wait(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)), signal);
    this.skipsNextWait = false;
  }

  /** Ends the current or else the next wait: an attempt in progress may have started too early to succeed. */
  skipWait(): void {
    this.skipsNextWait = true;
    this.delay.interrupt();
  }
}
