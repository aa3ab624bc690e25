"""The outgoing track: edited frames, when they are due."""

import asyncio
import fractions
import time
from collections import deque

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.pacer import Pacer

CLOCK_RATE = 90_000  # RTP clock of video (RFC 3551)
TIME_BASE = fractions.Fraction(1, CLOCK_RATE)
STALLED_S = 1.0  # a longer look at the queue than this is never needed: `wake` comes earlier


class EditedTrack(MediaStreamTrack):
    """Gives aiortc's sender one frame at a time; `recv` is its clock."""

    kind = "video"

    def __init__(self, pacer: Pacer) -> None:
        super().__init__()
        self.pacer = pacer
        self.sent: deque[tuple[float, float]] = deque(maxlen=300)  # when a frame left, and its source time
        self._wake = asyncio.Event()
        self._began = time.monotonic()

    def wake(self) -> None:
        """Frames were added to the pacer."""
        self._wake.set()

    def stop(self) -> None:
        super().stop()
        self._wake.set()

    async def recv(self) -> av.VideoFrame:
        while self.readyState == "live":
            wait = self.pacer.wait(time.monotonic())
            if wait == 0:
                return self._frame()
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), STALLED_S if wait is None else wait)
            except TimeoutError:
                continue
        raise MediaStreamError("the track has ended")

    def _frame(self) -> av.VideoFrame:
        planes, pts = self.pacer.pop()
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        now = time.monotonic()
        frame.pts, frame.time_base = round((now - self._began) * CLOCK_RATE), TIME_BASE
        self.sent.append((now, pts))
        return frame
