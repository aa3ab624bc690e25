"""The outgoing track: edited frames, when they are due."""

import asyncio
import fractions
import functools
import time
from collections import deque
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.h264 import CLOCK_RATE, H264Encoder
from server.media.pacer import Pacer
from server.media.rate_control import RateControl

TIME_BASE = fractions.Fraction(1, CLOCK_RATE)
FPS_SMOOTHING = 0.1  # weight of the newest interval between frames
STALLED_S = 1.0  # a longer look at the queue than this is never needed: `wake` comes earlier


class EditedTrack(MediaStreamTrack):
    """Gives aiortc's sender one frame at a time; `recv` is its clock."""

    kind = "video"

    def __init__(self, pacer: Pacer) -> None:
        super().__init__()
        self.pacer = pacer
        self.sent: deque[tuple[float, float]] = deque(maxlen=300)  # when a frame left, and its source time
        self._last_sent: float | None = None
        self._keyframe_wanted = False
        self._encoder: H264Encoder | None = None
        self._control: RateControl | None = None
        self._interval_s = 1 / 30  # between frames, smoothed
        self._wake = asyncio.Event()
        self._began = time.monotonic()

    def encode_at(self, control: RateControl) -> None:
        """Give H.264 packets from now on, not frames, at the rate that `control` allows."""
        self._control = control

    def want_keyframe(self) -> None:
        """Make the next packet one that can be decoded by itself."""
        self._keyframe_wanted = True

    def wake(self) -> None:
        """Frames were added to the pacer."""
        self._wake.set()

    def stop(self) -> None:
        super().stop()
        self._wake.set()

    async def recv(self) -> "av.VideoFrame | av.Packet[Any]":
        while self.readyState == "live":
            wait = self.pacer.wait(time.monotonic())
            if wait == 0:
                return await self._encoded(self._frame())
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
        if self._last_sent is not None:
            interval = min(now - self._last_sent, STALLED_S)
            self._interval_s += FPS_SMOOTHING * (interval - self._interval_s)
        self._last_sent = now
        self.sent.append((now, pts))
        return frame

    async def _encoded(self, frame: av.VideoFrame) -> "av.VideoFrame | av.Packet[Any]":
        if self._control is None:
            return frame
        if self._encoder is None:
            self._encoder = H264Encoder(frame.width, frame.height, self._control.maximum)
        self._encoder.aim(self._control.target, 1 / self._interval_s)
        keyframe, self._keyframe_wanted = self._keyframe_wanted, False
        encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
        return await asyncio.get_running_loop().run_in_executor(None, encode)
