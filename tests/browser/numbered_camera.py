"""A camera that shows the number of each frame as bars, and reading the numbers from canvases of the page."""

from pathlib import Path

import numpy as np

BITS = 7
FRAMES = 1 << BITS
FPS = 15

# The number on a canvas; null if its two rows of bars, plain and complemented, do not fit together.
READ = """
const number = (canvas, inverted) => {
  const small = new OffscreenCanvas(BITS * 4, 8), context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0, BITS * 4, 8);
  const { data } = context.getImageData(0, 0, BITS * 4, 8);
  const lit = (bit, y) => (data[(y * BITS * 4 + bit * 4 + 2) * 4 + 1] > 127) !== inverted;
  const bits = Array.from({ length: BITS }, (_, bit) => bit);
  if (bits.some((bit) => lit(bit, 2) === lit(bit, 6))) return null;
  return bits.reduce((sum, bit) => sum + (lit(bit, 2) << bit), 0);
};
""".replace("BITS", str(BITS))


def write_numbered_camera(path: Path, *, width: int, height: int) -> None:
    """Write YUV4MPEG2: frame number n shows n in binary, the lowest bit first, as bars of the whole width."""
    chroma = np.full(width * height // 2, 128, np.uint8).tobytes()
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FRAMES):
            bits = (number >> (np.arange(width) * BITS // width)) & 1
            rows = [np.tile(row, (height // 2, 1)) for row in (bits, 1 - bits)]
            luma = (16 + 219 * np.concatenate(rows)).astype(np.uint8)
            out.write(b"FRAME\n" + luma.tobytes() + chroma)
