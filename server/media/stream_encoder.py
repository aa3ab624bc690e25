"""H.264 encoding in a thread, with requested keyframes, and a new encoder after a failure."""

import asyncio
import functools
import logging
import math
import time

import av

from server.media.h264 import H264Encoder, open_encoder
from server.media.sink import Packet, PacketDemand

log = logging.getLogger(__name__)


class StreamEncoder:
    """Encodes one stream. One call of `encode` at a time."""

    def __init__(self, min_keyframe_interval_s: float = 0.0) -> None:
        """`min_keyframe_interval_s`: between requested keyframes; a request that comes earlier waits."""
        self.min_keyframe_interval_s = min_keyframe_interval_s
        self._encoder: H264Encoder | None = None
        self._keyframe_requested = False
        self._keyframe_at = -math.inf  # time of the last requested keyframe

    def request_keyframe(self) -> None:
        self._keyframe_requested = True

    async def encode(self, frame: av.VideoFrame, demand: PacketDemand, fps: float) -> "Packet | None":
        """The frame's packet; None after an error: a new encoder encodes the next frame, as a keyframe."""
        keyframe = self._keyframe_due(time.monotonic())
        try:
            if self._encoder is None:
                self._encoder = open_encoder(frame.width, frame.height, demand.maximum)
            self._encoder.set_rate(demand.target, fps)
            encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
            return await asyncio.get_running_loop().run_in_executor(None, encode)
        except av.FFmpegError:
            log.exception("a frame could not be encoded; a new encoder takes the next")
            self._encoder = None
            return None

    def _keyframe_due(self, now: float) -> bool:
        due = self._keyframe_requested and now - self._keyframe_at > self.min_keyframe_interval_s
        if due:
            self._keyframe_requested = False
            self._keyframe_at = now
        return due
