// Reconnection after a lost connection: attempts with exponential backoff until one succeeds or retrying is pointless.

import { Backoff } from "./backoff";
import { isTransient } from "./problems";
import { isAborted } from "./promises";

export class Reconnector {
  private readonly backoff = new Backoff();

  /** `attempting`: before each wait with the reason of the last failure, and before each attempt with null. */
  constructor(private readonly attempting: (attempt: number, reason: string | null) => void) {}

  /** Resolves when connected or aborted; throws an error that is not transient. */
  async run(connect: () => Promise<void>, lossReason: string, signal: AbortSignal): Promise<void> {
    let reason = lossReason;
    this.backoff.reset();
    for (let attempt = 1; !isAborted(signal); attempt++) {
      this.attempting(attempt, reason);
      await this.backoff.waitFor(attempt, signal);
      if (isAborted(signal)) return;
      this.attempting(attempt, null);
      try {
        await connect();
        return;
      } catch (error) {
        if (isAborted(signal)) return;
        if (!isTransient(error)) throw error;
        reason = (error as Error).message;
      }
    }
  }

  /** Skips the current or else the next wait. */
  retryNow(): void {
    this.backoff.skipWait();
  }
}
