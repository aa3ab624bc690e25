// Frames per second over the last two seconds.

const WINDOW_MS = 2000;

export class FrameRateMeter {
  private times: number[] = [];

  addFrame(now_ms: number): void {
    this.times.push(now_ms);
    this.removeExpired(now_ms);
  }

  /** Frames per second; 0 when none came within the window. */
  fps(now_ms: number): number {
    this.removeExpired(now_ms);
    return (this.times.length * 1000) / WINDOW_MS;
  }

  clear(): void {
    this.times = [];
  }

  private removeExpired(now_ms: number): void {
    while (this.times[0] !== undefined && this.times[0] <= now_ms - WINDOW_MS) this.times.shift();
  }
}
