// The source being sent: can be replaced while the stream is live, and is closed with it.

import type { Source, SourceChoice } from "../media/source";

export interface ActiveSourceEvents {
  changed: (source: Source | null) => void;
  /** The source ended by itself, and has been closed. */
  ended: (source: Source) => void;
}

export class ActiveSource {
  source: Source | null = null;
  private generation = 0; // of the newest choice: sources opened for older ones are closed

  constructor(
    private readonly open: (choice: SourceChoice) => Promise<Source>,
    private readonly events: ActiveSourceEvents,
  ) {}

  /** Opens the chosen source and closes the previous one; null if a newer choice has superseded it. */
  async switchTo(choice: SourceChoice): Promise<Source | null> {
    const generation = ++this.generation;
    const source = await this.openWithRetry(choice);
    if (generation !== this.generation) {
      source.close();
      return null;
    }
    this.source?.close();
    this.source = source;
    source.stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (this.source === source) this.handleEnd(source);
    });
    this.events.changed(source);
    return source;
  }

  close(): void {
    this.generation++;
    this.release();
  }

  private async openWithRetry(choice: SourceChoice): Promise<Source> {
    try {
      return await this.open(choice);
    } catch (error) {
      if (!this.isCameraHeldByUs(choice, error)) throw error;
      this.release();
      return this.open(choice);
    }
  }

  /** Many phones cannot open a second camera at the same time. */
  private isCameraHeldByUs(choice: SourceChoice, error: unknown): boolean {
    const bothCameras = choice.kind === "camera" && this.source?.choice.kind === "camera";
    return bothCameras && error instanceof DOMException && error.name === "NotReadableError";
  }

  private release(): void {
    if (this.source === null) return;
    this.source.close();
    this.source = null;
    this.events.changed(null);
  }

  private handleEnd(source: Source): void {
    this.release();
    this.events.ended(source);
  }
}
