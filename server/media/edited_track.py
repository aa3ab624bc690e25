"""An outgoing track: what one connection gets of a session's edited stream."""

import asyncio
import functools
import logging
from collections import deque
from typing import Any, Protocol

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.counters import FrameCounters
from server.media.h264 import H264Encoder, open_encoder
from server.media.rate_control import RateControl

log = logging.getLogger(__name__)

Item = Any  # av.VideoFrame or av.Packet
WAITING = 4  # items; past them the oldest go: what is not sent in time is stale
LEAVES, RETURNS = 0.7, 0.9  # of the shared stream's rate: a way that carries less gets a stream of its own


class Stream(Protocol):
    """What a track is part of."""

    @property
    def fps(self) -> float: ...

    @property
    def bitrate(self) -> float:
        """bit/s of what is shared."""

    counters: FrameCounters

    def request_keyframe(self) -> None: ...

    def remove_track(self, track: "EditedTrack") -> None: ...


class EditedTrack(MediaStreamTrack):
    """Gives aiortc's sender one item at a time; whoever calls `give` is its clock.

    H.264 is given as packets, mostly the ones that everyone gets; another codec as frames, which aiortc encodes.
    """

    kind = "video"

    def __init__(self, stream: Stream, *, primary: bool) -> None:
        """`primary`: the shared stream has the rate that this track's way carries."""
        super().__init__()
        self.stream, self.primary = stream, primary
        self.control: RateControl | None = None
        self._items: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._reading = self._aside = False  # aiortc reads it; it has a stream of its own
        self._wants_keyframe = True  # nothing else can be decoded at first
        self._encoder: H264Encoder | None = None  # of its own stream

    def encode_at(self, control: RateControl) -> None:
        """Give H.264 packets from now on, not frames, at the rate that `control` allows."""
        self.control = control

    def shares(self, bitrate: float) -> bool:
        """Whether the shared stream, of `bitrate` bit/s, suits this track."""
        if self.control is None or not self._reading:
            return False
        aside = not self.primary and self.control.target < (RETURNS if self._aside else LEAVES) * bitrate
        if aside != self._aside:
            self._aside, self._wants_keyframe, self._encoder = aside, True, None
        return not aside

    def request_keyframe(self) -> None:
        """Make the next packet one that can be decoded by itself."""
        if self._aside:
            self._wants_keyframe = True
        else:
            self.stream.request_keyframe()

    def give(self, item: Item) -> None:
        """The next picture: a packet of the shared stream, or a frame where `shares` said no."""
        if not self._reading:
            return
        if isinstance(item, av.Packet) and self._wants_keyframe:
            if not item.is_keyframe:
                self.stream.request_keyframe()
                return
            self._wants_keyframe = False
        if len(self._items) == WAITING:
            self.stream.counters.not_taken += 1
            if isinstance(item, av.Packet):  # a gap: nothing can be decoded before the next keyframe
                self._items.clear()
                self._wants_keyframe = True
                self.stream.request_keyframe()
                return
            self._items.popleft()
        self._items.append(item)
        self._arrived.set()

    @property
    def waiting(self) -> int:
        """Items that aiortc has not taken yet."""
        return len(self._items)

    def stop(self) -> None:
        super().stop()
        self.stream.remove_track(self)
        self._arrived.set()

    async def recv(self) -> Item:
        self._reading = True
        while self.readyState == "live":
            if self._items:
                item = self._items.popleft()
                if isinstance(item, av.VideoFrame) and self.control is not None:
                    item = await self._encoded(item, self.control)
                if item is not None:
                    return item
                continue
            self._arrived.clear()
            await self._arrived.wait()
        raise MediaStreamError("the track has ended")

    async def _encoded(self, frame: av.VideoFrame, control: RateControl) -> "av.Packet[Any] | None":
        """For this track alone; None where the encoder breaks, whose place the next frame's takes."""
        keyframe, self._wants_keyframe = self._wants_keyframe, False
        try:
            if self._encoder is None:
                self._encoder = open_encoder(frame.width, frame.height, control.maximum)
            self._encoder.aim(control.target, self.stream.fps)
            encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
            return await asyncio.get_running_loop().run_in_executor(None, encode)
        except av.FFmpegError:
            log.exception("a frame could not be encoded; a new encoder takes the next")
            self._encoder, self._wants_keyframe = None, True
            return None
