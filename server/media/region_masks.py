"""Masks of the region that a session receives, each of a frame of its source."""

import struct
from collections.abc import Callable
from typing import NamedTuple

from lipar_core.errors import ParameterError
from server.media.capture_times import CaptureTimes

HEADER = struct.Struct(">dHH")  # capture time in Unix milliseconds, rows, columns: big-endian
MAX_CELLS = 8192  # of a mask


class GreyMask(NamedTuple):
    """A grey picture."""

    width: int
    height: int
    levels: bytes  # one per pixel, row by row: 0 outside, 255 inside


class RegionMaskReceiver:
    """Reads masks and finds the source time here of the frames that they belong to."""

    def __init__(self, capture_times: CaptureTimes) -> None:
        self.capture_times = capture_times
        self.on_mask: Callable[[float, GreyMask], None] | None = None  # called with the frame's source time here

    def receive(self, message: bytes) -> None:
        """A message of `HEADER` and one byte per pixel. Raises `ParameterError`."""
        captured_ms, mask = read_mask(message)
        stamp = self.capture_times.stamp_at(captured_ms / 1000)
        if stamp is None:
            allowed = "must be a Unix time in milliseconds, within 2 s of a received frame's capture by RTCP"
            raise ParameterError("captured_ms", captured_ms, allowed)
        if self.on_mask is not None:
            self.on_mask(stamp, mask)


def read_mask(message: bytes) -> tuple[float, GreyMask]:
    """The frame's capture time in Unix milliseconds, and its mask. Raises `ParameterError`."""
    if len(message) < HEADER.size:
        raise ParameterError("length", len(message), f"must be {HEADER.size} + rows * columns bytes")
    captured_ms, rows, cols = HEADER.unpack_from(message)
    if not 0 < rows * cols <= MAX_CELLS:
        raise ParameterError("rows, columns", [rows, cols], f"must be above 0, and rows * columns at most {MAX_CELLS}")
    if len(message) != HEADER.size + rows * cols:
        raise ParameterError("length", len(message), f"must be {HEADER.size} + {rows} * {cols} bytes")
    return captured_ms, GreyMask(cols, rows, message[HEADER.size :])
