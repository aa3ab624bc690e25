// The source that a session sends now: exchanged while it is live, closed with it.

import type { Source, SourceChoice } from "../source";

export interface FeedEvents {
  changed: (source: Source | null) => void;
  /** The source stopped by itself, and is closed. */
  ended: (source: Source) => void;
}

export class Feed {
  source: Source | null = null;
  private turn = 0; // of the newest choice: what an older one brings comes too late

  constructor(
    private readonly open: (choice: SourceChoice) => Promise<Source>,
    private readonly events: FeedEvents,
  ) {}

  /** The chosen source in place of the one that there was; null where something newer has overtaken it. */
  async take(choice: SourceChoice): Promise<Source | null> {
    const turn = ++this.turn;
    const source = await this.opened(choice);
    if (turn !== this.turn) {
      source.close();
      return null;
    }
    this.source?.close();
    this.source = source;
    source.stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (this.source === source) this.end(source);
    });
    this.events.changed(source);
    return source;
  }

  drop(): void {
    this.turn++;
    this.release();
  }

  private async opened(choice: SourceChoice): Promise<Source> {
    try {
      return await this.open(choice);
    } catch (error) {
      if (!this.mayBeHeldByUs(choice, error)) throw error;
      this.release();
      return this.open(choice);
    }
  }

  /** Many phones open one camera at a time. */
  private mayBeHeldByUs(choice: SourceChoice, error: unknown): boolean {
    const cameras = choice.kind === "camera" && this.source?.choice.kind === "camera";
    return cameras && error instanceof DOMException && error.name === "NotReadableError";
  }

  private release(): void {
    if (this.source === null) return;
    this.source.close();
    this.source = null;
    this.events.changed(null);
  }

  private end(source: Source): void {
    this.release();
    this.events.ended(source);
  }
}
