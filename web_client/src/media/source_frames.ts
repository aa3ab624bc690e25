// The newest frames of the source video, so that an edited frame can be shown beside the frame that it was made from.

const MAX_BYTES = 64 * 2 ** 20; // at 4 bytes per pixel: more than two seconds of frames
const MAX_WIDTH = 640; // wider frames are scaled down
const TOLERANCE_MS = 12; // between two times of one frame; frames are at least 16 ms apart

interface SourceFrame {
  captured_ms: number;
  picture: ImageBitmap;
}

export class SourceFrames {
  private frames: SourceFrame[] = [];
  private clock = new CaptureClock();
  private callback: number | null = null; // null: not recording

  constructor(private readonly video: HTMLVideoElement) {}

  /** Keeps frames from now on. */
  start(): void {
    if (this.callback === null) this.waitForFrame();
  }

  /** Also forgets the frames. */
  stop(): void {
    if (this.callback !== null) this.video.cancelVideoFrameCallback(this.callback);
    this.callback = null;
    this.clear();
  }

  /** The source has changed. */
  clear(): void {
    for (const { picture } of this.frames.splice(0)) picture.close();
    this.clock = new CaptureClock();
  }

  /** The frame captured at this time on this page's clock (`performance.now`), ms; null if it is not among the newest. */
  at(captured_ms: number): ImageBitmap | null {
    const nearest = nearestFrame(this.frames, captured_ms);
    return nearest !== null && Math.abs(nearest.captured_ms - captured_ms) <= TOLERANCE_MS ? nearest.picture : null;
  }

  private waitForFrame(): void {
    this.callback = this.video.requestVideoFrameCallback((_now, metadata) => {
      this.waitForFrame();
      if (this.video.videoWidth > 0) void this.keep(this.clock.time(metadata));
    });
  }

  private async keep(captured_ms: number): Promise<void> {
    const { video, clock } = this;
    const width = Math.min(MAX_WIDTH, video.videoWidth);
    const picture = await createImageBitmap(video, { resizeWidth: width, resizeHeight: Math.round((width * video.videoHeight) / video.videoWidth) });
    if (this.callback === null || clock !== this.clock) {
      picture.close(); // stopped, or of an earlier source
      return;
    }
    this.frames.push({ captured_ms, picture });
    const capacity = Math.floor(MAX_BYTES / (4 * picture.width * picture.height));
    for (const old of this.frames.splice(0, Math.max(0, this.frames.length - capacity))) old.picture.close();
  }
}

/** When a frame of a local source was captured, on the page's clock. */
export class CaptureClock {
  private offset_ms = Infinity; // from media time: the least that was seen belongs to the frame shown with the least delay

  /** Browsers tell the capture time of a camera's frames; a file's and a screen's have a time on another clock only. */
  time({ captureTime, mediaTime, presentationTime }: Pick<VideoFrameCallbackMetadata, "captureTime" | "mediaTime" | "presentationTime">): number {
    if (captureTime !== undefined) return captureTime;
    this.offset_ms = Math.min(this.offset_ms, presentationTime - mediaTime * 1000);
    return mediaTime * 1000 + this.offset_ms;
  }
}

export function nearestFrame<F extends { captured_ms: number }>(frames: F[], captured_ms: number): F | null {
  let nearest: F | null = null;
  for (const frame of frames) {
    if (nearest === null || Math.abs(frame.captured_ms - captured_ms) < Math.abs(nearest.captured_ms - captured_ms)) nearest = frame;
  }
  return nearest;
}
