// A delay between attempts, which ends early when an attempt can succeed.

/** A delay that can be interrupted or aborted; it resolves in either case. */
export class InterruptibleDelay {
  private resolveNow: (() => void) | null = null;

  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        this.resolveNow = null;
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.resolveNow = finish;
      signal.addEventListener("abort", finish);
    });
  }

  interrupt(): void {
    this.resolveNow?.();
  }
}
