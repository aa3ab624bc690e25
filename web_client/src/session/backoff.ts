// When to try again: soon at first, then more and more rarely; at once where there is a reason to.

import { Wait } from "../promises";

const FIRST_MS = 500; // doubles each time
const LONGEST_MS = 8000;

export class Backoff {
  private readonly wait = new Wait();
  private isHurried = false;

  /** A row of attempts begins. */
  begin(): void {
    this.isHurried = false;
  }

  /** Until the n-th attempt is due, n from 1. */
  async pause(attempt: number, signal: AbortSignal): Promise<void> {
    if (!this.isHurried) await this.wait.pause(Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1)), signal);
    this.isHurried = false;
  }

  /** No more waiting before the next attempt. One that is under way may have begun too early to profit. */
  hurry(): void {
    this.isHurried = true;
    this.wait.cutShort();
  }
}
