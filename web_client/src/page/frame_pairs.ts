// For each edited frame the source frame that it was made from, while someone shows or records both.

import type { Fit } from "../api/protocol";
import { FrameNames } from "../media/frame_names";
import type { FrameName } from "../media/frame_names";
import { SourceFrames } from "../media/source_frames";
import { element } from "./elements";

export class FramePairs {
  /** Of the source in the edited picture. */
  fit: Fit = "crop";
  private readonly frames = new SourceFrames(element("source", HTMLVideoElement));
  private readonly names = new FrameNames();
  private readonly users = new Set<object>();

  /** Keeps the source's frames from now on, until no user is left. */
  start(user: object): void {
    this.users.add(user);
    this.frames.start();
  }

  stop(user: object): void {
    this.users.delete(user);
    if (this.users.size === 0) this.frames.stop();
  }

  frameNamed(name: FrameName): void {
    this.names.add(name);
  }

  sourceChanged(): void {
    this.frames.clear();
  }

  /** The source of the edited frame with this RTP timestamp; null if it is not known, or not among the newest. */
  sourceOf(rtp: number | undefined): ImageBitmap | null {
    const captured_ms = this.names.capturedAt(rtp);
    return captured_ms === null ? null : this.frames.at(captured_ms);
  }
}
