// How long the model still takes to load, from how long it took the last time that this browser saw it.

const STORAGE_KEY = "lipar-loading-s";

export interface LoadingProgress {
  elapsed_s: number;
  /** Null: this browser has not seen it loading before, or it takes longer than the last time. */
  left_s: number | null;
}

export class LoadingTime {
  private newest_s: number | null = null;

  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem">) {}

  /** `elapsed_s`: as the server reports it; null if the model is not loading. */
  progress(elapsed_s: number | null): LoadingProgress | null {
    this.newest_s = elapsed_s;
    if (elapsed_s === null) return null;
    const left_s = Math.round(Number(this.storage.getItem(STORAGE_KEY)) - elapsed_s);
    return { elapsed_s: Math.round(elapsed_s), left_s: left_s > 0 ? left_s : null };
  }

  /** The model is loaded. */
  finished(): void {
    if (this.newest_s !== null) this.storage.setItem(STORAGE_KEY, this.newest_s.toFixed(1));
    this.newest_s = null;
  }
}
