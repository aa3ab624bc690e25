// Frames per second over the last moments.

const WINDOW_MS = 2000;

export class FrameMeter {
  private times: number[] = [];

  tick(now_ms: number): void {
    this.times.push(now_ms);
    this.forget(now_ms);
  }

  /** Frames per second; 0 when none came lately. */
  fps(now_ms: number): number {
    this.forget(now_ms);
    return (this.times.length * 1000) / WINDOW_MS;
  }

  clear(): void {
    this.times = [];
  }

  private forget(now_ms: number): void {
    while (this.times[0] !== undefined && this.times[0] <= now_ms - WINDOW_MS) this.times.shift();
  }
}
