import { describe, expect, it } from "vitest";
import { FrameBuffer } from "../../src/media/frame_buffer";
import type { CapturedFrame } from "../../src/media/frame_buffer";

const FRAME_MS = 33;

class Picture {
  isClosed = false;
  constructor(
    readonly width: number,
    readonly height = Math.round((width * 9) / 16),
  ) {}
  close(): void {
    this.isClosed = true;
  }
}

/** Adds frames of a 30 fps source, as narrow as the buffer asks for; after each it looks for the frame of `latency_ms` before. */
function follow(buffer: FrameBuffer<CapturedFrame>, count: number, latency_ms: number, frames: Picture[] = []): number {
  let found = 0;
  for (let frame = 0; frame < count; frame++) {
    const picture = new Picture(buffer.maxWidth);
    frames.push(picture);
    buffer.add({ captured_ms: frame * FRAME_MS, picture });
    if (buffer.at(frame * FRAME_MS - latency_ms) !== null) found++;
  }
  return found;
}

describe("the newest frames of a source", () => {
  it("are found by their time", () => {
    const buffer = new FrameBuffer();
    for (const captured_ms of [10, 43, 76]) buffer.add({ captured_ms, picture: new Picture(4) });
    expect(buffer.at(45)?.captured_ms).toBe(43);
    expect(buffer.at(60)).toBeNull();
    buffer.clear();
    expect(buffer.at(43)).toBeNull();
  });

  it("stay below a limit of memory; older ones are closed", () => {
    const pictures: Picture[] = [];
    follow(new FrameBuffer(), 500, 0, pictures);
    const open = pictures.filter(({ isClosed }) => !isClosed);
    expect(open).toEqual(pictures.slice(-open.length));
    expect(open.reduce((bytes, { width, height }) => bytes + 4 * width * height, 0)).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(open.length * FRAME_MS).toBeGreaterThan(2000);
  });

  it("keep their width while the latency is short", () => {
    const buffer = new FrameBuffer();
    expect(follow(buffer, 300, 30 * FRAME_MS)).toBe(270);
    expect(buffer.maxWidth).toBe(640);
  });

  it("get narrower until those of a long latency ago are there, and no further", () => {
    const buffer = new FrameBuffer();
    expect(follow(buffer, 1000, 250 * FRAME_MS)).toBeGreaterThan(450); // 8 s
    expect(buffer.maxWidth).toBe(320);
  });
});
