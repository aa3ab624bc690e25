// Promise helpers: deferred promises, timeouts.

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

/** A function, so that TypeScript does not narrow `signal.aborted` across an await. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
