// The newest frames of a source, as many as fit in memory.

const MAX_BYTES = 64 * 2 ** 20; // at 4 bytes per pixel: more than two seconds of frames
const MAX_WIDTH = 640; // wider frames are scaled down
const MIN_WIDTH = 160; // more than half a minute of frames
const TOLERANCE_MS = 12; // between two times of one frame; frames are at least 16 ms apart

export interface CapturedFrame {
  captured_ms: number;
  picture: { readonly width: number; readonly height: number; close(): void };
}

export class FrameBuffer<F extends CapturedFrame> {
  /** Wider frames should be scaled down to this before they are added. */
  maxWidth = MAX_WIDTH;
  private frames: F[] = []; // the oldest first
  private bytes = 0;
  private hasDropped = false;

  add(frame: F): void {
    this.frames.push(frame);
    this.bytes += bytesOf(frame);
    while (this.bytes > MAX_BYTES) this.dropOldest();
  }

  /** The frame captured at this time; null if it is not among the newest. */
  at(captured_ms: number): F | null {
    const nearest = nearestFrame(this.frames, captured_ms);
    if (nearest !== null && Math.abs(nearest.captured_ms - captured_ms) <= TOLERANCE_MS) return nearest;
    this.makeRoomFor(captured_ms);
    return null;
  }

  clear(): void {
    for (const { picture } of this.frames.splice(0)) picture.close();
    this.bytes = 0;
    this.hasDropped = false;
    this.maxWidth = MAX_WIDTH;
  }

  /** A frame that was dropped too early: the latency is long, so from now on more frames are kept, of half the width. */
  private makeRoomFor(captured_ms: number): void {
    const [oldest] = this.frames;
    if (oldest === undefined || !this.hasDropped || captured_ms > oldest.captured_ms) return;
    const isWholeBufferNarrow = oldest.picture.width <= this.maxWidth;
    if (isWholeBufferNarrow) this.maxWidth = Math.max(MIN_WIDTH, Math.floor(oldest.picture.width / 2));
  }

  private dropOldest(): void {
    const oldest = this.frames.shift();
    if (oldest === undefined) return;
    this.bytes -= bytesOf(oldest);
    this.hasDropped = true;
    oldest.picture.close();
  }
}

function bytesOf({ picture }: CapturedFrame): number {
  return 4 * picture.width * picture.height;
}

export function nearestFrame<F extends { captured_ms: number }>(frames: F[], captured_ms: number): F | null {
  let nearest: F | null = null;
  for (const frame of frames) {
    if (nearest === null || Math.abs(frame.captured_ms - captured_ms) < Math.abs(nearest.captured_ms - captured_ms)) nearest = frame;
  }
  return nearest;
}
