// A classic worker that finds the person in pictures, with MediaPipe's selfie segmentation.
//
// The package's loader is a script for pages. Its branch for workers runs the model's file as a script and has no
// texture to draw on, so this file gives it the four things that it uses of a page. It imports nothing: a classic
// worker cannot.

/** Addresses of the package's files, by their names. */
export type SegmentationFiles = Record<string, string>;

export interface SegmentationRequest {
  files: SegmentationFiles;
  picture: ImageBitmap;
  captured_ms: number;
  /** Size of the mask, and where in it the picture lies: the rest is outside. */
  mask: { width: number; height: number };
  drawn: { x: number; y: number; width: number; height: number };
}

export type SegmentationReply = { captured_ms: number; width: number; height: number; levels: Uint8Array<ArrayBuffer> } | { error: string };

interface Segmentation {
  setOptions(options: { modelSelection: 0 | 1 }): void;
  onResults(listener: (results: { segmentationMask: ImageBitmap }) => void): void;
  send(input: { image: ImageBitmap }): Promise<void>;
}

declare const SelfieSegmentation: new (options: { locateFile: (name: string) => string }) => Segmentation;
declare function importScripts(address: string): void;

const UNSURE = 32; // levels from 0 and 255 that count as them: the model is never quite sure

const RUNTIME_LOG = /^[IW]\d{4} /; // information and warnings; errors begin with E

let segmentation: Segmentation | null = null;
let newest: ImageBitmap | null = null;

/** What the loader says where it cannot go on, for lack of WebGL. */
function alert(message: string): never {
  throw new Error(message);
}

/** What the loader uses of a page: scripts that it appends, a canvas, and listeners that never fire here. */
const page = {
  createElement: (name: string) => (name === "canvas" ? new OffscreenCanvas(1, 1) : new ScriptElement()),
  addEventListener: () => undefined,
  body: {
    appendChild: (script: ScriptElement) => {
      importScripts(script.src);
      script.loaded();
    },
  },
};

class ScriptElement {
  src = "";
  loaded: () => void = () => undefined;

  setAttribute(name: string, value: string): void {
    if (name === "src") this.src = value;
  }

  addEventListener(event: string, listener: () => void): void {
    if (event === "load") this.loaded = listener;
  }
}

/** The runtime logs what it found out about WebGL: lines such as "I0000 00:00:1795765341.035000 1 gl_context.cc:359] ...". */
function omitRuntimeLog(): void {
  for (const method of ["log", "info", "warn", "error"] as const) {
    const write = console[method].bind(console);
    console[method] = (...parts: unknown[]) => {
      if (!RUNTIME_LOG.test(String(parts[0]))) write(...parts);
    };
  }
}

function load(files: SegmentationFiles): Segmentation {
  omitRuntimeLog();
  Object.assign(self, { window: self, document: page, alert });
  importScripts(files["selfie_segmentation.js"] ?? "");
  const loaded = new SelfieSegmentation({ locateFile: (name) => files[name.split("/").at(-1) ?? ""] ?? name });
  loaded.onResults(({ segmentationMask }) => {
    newest = segmentationMask;
  });
  return loaded;
}

async function segment({ files, picture, captured_ms, mask, drawn }: SegmentationRequest): Promise<SegmentationReply> {
  segmentation ??= load(files);
  segmentation.setOptions({ modelSelection: picture.width >= picture.height ? 1 : 0 }); // 1: the model for wide pictures
  await segmentation.send({ image: picture });
  picture.close();
  if (newest === null) throw new Error("noMask");
  const context = new OffscreenCanvas(mask.width, mask.height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("noCanvas");
  context.drawImage(newest, drawn.x, drawn.y, drawn.width, drawn.height);
  const { data } = context.getImageData(0, 0, mask.width, mask.height);
  const levels = Uint8Array.from({ length: mask.width * mask.height }, (_, i) => levelOf(data[4 * i + 3] ?? 0));
  return { captured_ms, ...mask, levels };
}

function levelOf(alpha: number): number {
  if (alpha < UNSURE) return 0;
  return alpha > 255 - UNSURE ? 255 : alpha;
}

self.addEventListener("message", ({ data }: MessageEvent<SegmentationRequest>) => {
  segment(data).then(
    (reply) => {
      self.postMessage(reply);
    },
    (error: unknown) => {
      self.postMessage({ error: error instanceof Error ? error.message : String(error) } satisfies SegmentationReply);
    },
  );
});
