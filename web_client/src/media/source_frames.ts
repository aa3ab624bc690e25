// The newest frames of the source video, so that an edited frame can be shown beside the frame that it was made from.

import { FrameBuffer } from "./frame_buffer";
import { copyFrame } from "./frame_copy";

interface SourceFrame {
  captured_ms: number;
  picture: ImageBitmap;
}

export class SourceFrames {
  private readonly frames = new FrameBuffer<SourceFrame>();
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

  /** The source has changed, or there is none. */
  clear(): void {
    this.frames.clear();
    this.clock = new CaptureClock();
  }

  /** The frame captured at this time on this page's clock (`performance.now`), ms; null if it is not among the newest. */
  at(captured_ms: number): ImageBitmap | null {
    return this.frames.at(captured_ms)?.picture ?? null;
  }

  private waitForFrame(): void {
    this.callback = this.video.requestVideoFrameCallback((_now, metadata) => {
      this.waitForFrame();
      if (this.video.videoWidth > 0) void this.keep(this.clock.time(metadata));
    });
  }

  private async keep(captured_ms: number): Promise<void> {
    const { video, clock } = this;
    const width = Math.min(this.frames.maxWidth, video.videoWidth);
    const picture = await copyFrame(video, { width, height: Math.round((width * video.videoHeight) / video.videoWidth) });
    if (picture === null) return;
    if (this.callback === null || clock !== this.clock) picture.close(); // stopped, or of an earlier source
    else this.frames.add({ captured_ms, picture });
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
