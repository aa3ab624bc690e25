"""An edited frame with its keep mask over it, as a PNG."""

from fractions import Fraction

import av
import numpy as np

from lipar_video.overlay import tint_by_keep_mask
from server.media.keep_masks import MaskedFrame


def overlay_png(frame: MaskedFrame, rows: int, cols: int) -> bytes:
    """The frame, its computed tokens tinted orange and its reused ones blue."""
    keep = np.unpackbits(np.frombuffer(frame.bits, np.uint8), count=rows * cols).reshape(rows, cols).astype(bool)
    rgb = av.VideoFrame.from_ndarray(frame.planes, format="yuv420p").to_ndarray(format="rgb24")
    return encode_png(tint_by_keep_mask(np.asarray(rgb, np.uint8), keep))


def encode_png(rgb: np.ndarray) -> bytes:
    """rgb [H, W, 3] uint8."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = rgb.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1)
    picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    return b"".join(bytes(packet) for frame in (picture, None) for packet in encoder.encode(frame))
