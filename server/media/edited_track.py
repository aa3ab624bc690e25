"""The outgoing video track of one connection."""

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
MAX_WAITING = 4  # items in the queue; then the oldest are dropped
UNSHARE_RATIO, SHARE_RATIO = (
    0.7,
    0.9,
)  # of the shared stream's bitrate: below the first a track is encoded separately, above the second no longer


class EditedStream(Protocol):
    """The stream that a track belongs to."""

    @property
    def fps(self) -> float: ...

    @property
    def bitrate(self) -> float:
        """Of the shared stream, bit/s."""

    counters: FrameCounters

    def request_keyframe(self) -> None: ...

    def remove_track(self, track: "EditedTrack") -> None: ...


class EditedTrack(MediaStreamTrack):
    """Supplies aiortc's sender with one item at a time, at the times of the calls to `send`.

    H.264 is sent as packets, usually those of the shared stream; other codecs as frames, which aiortc encodes.
    """

    kind = "video"

    def __init__(self, stream: EditedStream, *, primary: bool) -> None:
        """`primary`: the shared stream is encoded at this track's target bitrate."""
        super().__init__()
        self.stream = stream
        self.primary = primary
        self.control: RateControl | None = None
        self._items: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._reading = False  # aiortc has begun to read: the connection is established
        self._separate = False  # encoded for this track alone
        self._needs_keyframe = True  # decoding has to begin with one
        self._encoder: H264Encoder | None = None  # while encoded separately

    def use_rate_control(self, control: RateControl) -> None:
        """From now on send H.264 packets, not frames, at the bitrate of `control`."""
        self.control = control

    def can_share(self, bitrate: float) -> bool:
        """Whether this track has the bandwidth for the shared stream of `bitrate` bit/s."""
        if self.control is None or not self._reading:
            return False
        ratio = SHARE_RATIO if self._separate else UNSHARE_RATIO
        separate = not self.primary and self.control.target < ratio * bitrate
        if separate != self._separate:
            self._separate = separate
            self._needs_keyframe = True
            self._encoder = None
        return not separate

    def request_keyframe(self) -> None:
        """Make the next packet a keyframe."""
        if self._separate:
            self._needs_keyframe = True
        else:
            self.stream.request_keyframe()

    def send(self, item: Item) -> None:
        """Queue the next frame: a packet of the shared stream, or an unencoded frame if `can_share` returned False."""
        if not self._reading:
            return
        if isinstance(item, av.Packet) and self._needs_keyframe:
            if not item.is_keyframe:
                self.stream.request_keyframe()
                return
            self._needs_keyframe = False
        if len(self._items) == MAX_WAITING:
            self.stream.counters.not_taken += 1
            if isinstance(item, av.Packet):  # a gap: nothing can be decoded before the next keyframe
                self._items.clear()
                self._needs_keyframe = True
                self.stream.request_keyframe()
                return
            self._items.popleft()
        self._items.append(item)
        self._arrived.set()

    @property
    def waiting(self) -> int:
        """Number of queued items."""
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
                    item = await self._encode(item, self.control)
                if item is not None:
                    return item
                continue
            self._arrived.clear()
            await self._arrived.wait()
        raise MediaStreamError("the track has ended")

    async def _encode(self, frame: av.VideoFrame, control: RateControl) -> "av.Packet[Any] | None":
        """Encode for this track alone; None if the encoder fails, then the next frame opens a new one."""
        keyframe = self._needs_keyframe
        self._needs_keyframe = False
        try:
            if self._encoder is None:
                self._encoder = open_encoder(frame.width, frame.height, control.maximum)
            self._encoder.set_rate(control.target, self.stream.fps)
            encode = functools.partial(self._encoder.encode, frame, keyframe=keyframe)
            return await asyncio.get_running_loop().run_in_executor(None, encode)
        except av.FFmpegError:
            log.exception("a frame could not be encoded; a new encoder takes the next")
            self._encoder = None
            self._needs_keyframe = True
            return None
