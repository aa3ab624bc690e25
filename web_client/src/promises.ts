// Waiting: with a limit, until told, or for a while.

export interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

export function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined); // whoever awaits it hears of the error; after a stop nobody does
  return { promise, resolve, reject };
}

/** Rejects with `late()` when the promise takes longer. */
export async function within(ms: number, promise: Promise<void>, late: () => Error): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late());
    }, ms);
  });
  try {
    await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** A pause that can be cut short. */
export class Wait {
  private go: (() => void) | null = null;

  pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", go);
        this.go = null;
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.go = go;
      signal.addEventListener("abort", go);
    });
  }

  cutShort(): void {
    this.go?.();
  }
}

/** Asked anew after every await: the signal may have been aborted meanwhile. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
