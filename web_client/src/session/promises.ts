// Promise helpers: deferred promises, timeouts, interruptible delays.

export interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

export function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined); // avoids "unhandled rejection" when it is not awaited after a stop
  return { promise, resolve, reject };
}

/** Rejects with `timeoutError()` after `ms`. */
export async function withTimeout(ms: number, promise: Promise<void>, timeoutError: () => Error): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(timeoutError());
    }, ms);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

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

/** A function, so that TypeScript does not narrow `signal.aborted` across an await. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
