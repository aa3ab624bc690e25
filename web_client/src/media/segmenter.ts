// Finds the person in the frames of the source video, in a worker: a mask of the edited picture for each frame that it is fast enough for.

import graph from "@mediapipe/selfie_segmentation/selfie_segmentation.binarypb?url&no-inline";
import loader from "@mediapipe/selfie_segmentation/selfie_segmentation.js?url&no-inline";
import model from "@mediapipe/selfie_segmentation/selfie_segmentation.tflite?url&no-inline";
import wideModel from "@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url&no-inline";
import runtime from "@mediapipe/selfie_segmentation/selfie_segmentation_solution_simd_wasm_bin.js?url&no-inline";
import runtimeCode from "@mediapipe/selfie_segmentation/selfie_segmentation_solution_simd_wasm_bin.wasm?url&no-inline";
import type { GreyMask } from "../api/grey_mask";
import type { Fit } from "../api/protocol";
import { SEGMENTATION_ERRORS } from "../texts";
import { copyFrame } from "./frame_copy";
import { fittedSize } from "./picture_size";
import type { PictureSize } from "./picture_size";
import type { SegmentationFiles, SegmentationReply, SegmentationRequest } from "./segmentation_worker";
import { CaptureClock } from "./source_frames";

const FILES: SegmentationFiles = {
  "selfie_segmentation.binarypb": graph,
  "selfie_segmentation.js": loader,
  "selfie_segmentation.tflite": model,
  "selfie_segmentation_landscape.tflite": wideModel,
  "selfie_segmentation_solution_simd_wasm_bin.js": runtime,
  "selfie_segmentation_solution_simd_wasm_bin.wasm": runtimeCode,
};
const MAX_SIDE = 256; // of a segmented picture, as of the models' input

export interface SegmenterEvents {
  /** `captured_ms`: when the frame was captured, on this page's clock. */
  mask: (captured_ms: number, mask: GreyMask) => void;
  /** It has stopped. */
  failed: (reason: string) => void;
}

export class Segmenter {
  /** Size of the masks, and how the source is fitted to the edited picture; null: there is none yet. */
  target: { size: PictureSize; fit: Fit } | null = null;
  private worker: Worker | null = null; // null: stopped
  private isBusy = false;
  private clock = new CaptureClock();
  private callback: number | null = null;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly events: SegmenterEvents,
  ) {
    video.addEventListener("emptied", () => {
      this.clock = new CaptureClock(); // another source
    });
  }

  /** Idempotent. The first start downloads some 2 MB. */
  start(): void {
    if (this.worker !== null) return;
    const worker = (this.worker = new Worker(new URL("./segmentation_worker.ts", import.meta.url)));
    worker.addEventListener("message", ({ data }: MessageEvent<SegmentationReply>) => {
      if (worker === this.worker) this.receive(data);
    });
    worker.addEventListener("error", ({ message }) => {
      if (worker === this.worker) this.receive({ error: message });
    });
    this.isBusy = false;
    this.waitForFrame();
  }

  stop(): void {
    this.worker?.terminate();
    this.worker = null;
    if (this.callback !== null) this.video.cancelVideoFrameCallback(this.callback);
    this.callback = null;
  }

  private waitForFrame(): void {
    this.callback = this.video.requestVideoFrameCallback((_now, metadata) => {
      this.waitForFrame();
      void this.segment(this.clock.time(metadata));
    });
  }

  private async segment(captured_ms: number): Promise<void> {
    const { video, worker, target } = this;
    const source = { width: video.videoWidth, height: video.videoHeight };
    if (worker === null || target === null || this.isBusy || source.width === 0) return;
    this.isBusy = true;
    const drawn = drawnRectangle(source, target.size, target.fit);
    const picture = await copyFrame(video, scaledTo(source, MAX_SIDE));
    if (picture === null) {
      this.isBusy = false; // the next frame may succeed
      return;
    }
    const request: SegmentationRequest = { files: FILES, picture, captured_ms, mask: target.size, drawn };
    worker.postMessage(request, [picture]);
  }

  private receive(reply: SegmentationReply): void {
    this.isBusy = false;
    if ("error" in reply) {
      this.stop();
      this.events.failed(SEGMENTATION_ERRORS[reply.error] ?? reply.error);
    } else this.events.mask(reply.captured_ms, reply);
  }
}

function scaledTo({ width, height }: PictureSize, maxSide: number): PictureSize {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** Where a picture of this size lies in a mask of that size, fitted as the server fits it to the edited picture. */
export function drawnRectangle(picture: PictureSize, mask: PictureSize, fit: Fit): { x: number; y: number; width: number; height: number } {
  const drawn = fittedSize(picture, mask, fit);
  return { x: (mask.width - drawn.width) / 2, y: (mask.height - drawn.height) / 2, ...drawn };
}
