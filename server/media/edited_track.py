"""The outgoing video track of one connection."""

import asyncio

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.rate_control import RateControl
from server.media.sink import Demand, Item, PacketDemand, VideoStream
from server.media.sink_queue import SinkQueue
from server.media.stream_encoder import StreamEncoder

MAX_WAITING = 4  # items in the queue
UNSHARE_RATIO = 0.7  # of the shared stream's bitrate: with a lower target, a track is encoded separately
SHARE_RATIO = 0.9  # with a higher target no longer


class EditedTrack(MediaStreamTrack):
    """Supplies aiortc's sender with one item at a time, at the times of the calls to `send`.

    H.264 is sent as packets, usually those of the shared stream; other codecs as frames, which aiortc encodes.
    """

    kind = "video"

    def __init__(self, stream: VideoStream, *, primary: bool) -> None:
        """Subscribes to `stream` until `stop`. `primary`: the shared stream has this track's target bitrate."""
        super().__init__()
        self.stream = stream
        self.primary = primary
        self.rate: RateControl | None = None
        self._queue = SinkQueue(MAX_WAITING, stream.request_keyframe)
        self._arrived = asyncio.Event()
        self._reading = False  # aiortc has begun to read: the connection is established
        self._encoder: StreamEncoder | None = None  # while this track is encoded separately
        stream.subscribe(self)

    def use_rate_control(self, rate: RateControl) -> None:
        """From now on send H.264 packets, not frames, at the bitrate of `rate`."""
        self.rate = rate

    @property
    def queued(self) -> int:
        return len(self._queue)

    def wants(self, bitrate: float) -> Demand:
        """Packets of the shared stream if there is bandwidth for them, else frames; nothing before the connection."""
        if not self._reading:
            return None
        if self.rate is None:
            return "frames"
        ratio = UNSHARE_RATIO if self._encoder is None else SHARE_RATIO
        if not self.primary and self.rate.target < ratio * bitrate:
            self._encoder = self._encoder or StreamEncoder()
            return "frames"
        if self._encoder is not None:
            self._encoder = None
            self._queue.restart()
        return _demand(self.rate)

    def request_keyframe(self) -> None:
        """Make the next packet a keyframe; of no effect while frames are sent: aiortc's encoder has the request too."""
        if self.rate is not None:
            (self._encoder or self.stream).request_keyframe()

    def send(self, item: Item) -> int:
        dropped = self._queue.put(item)
        self._arrived.set()
        return dropped

    def stop(self) -> None:
        super().stop()
        self.stream.unsubscribe(self)
        self._arrived.set()

    async def recv(self) -> Item:
        self._reading = True
        while self.readyState == "live":
            item = self._queue.pop()
            if item is None:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            if isinstance(item, av.VideoFrame) and self._encoder is not None and self.rate is not None:
                item = await self._encoder.encode(item, _demand(self.rate), self.stream.fps)
            if item is not None:
                return item
        raise MediaStreamError("the track has ended")


def _demand(rate: RateControl) -> PacketDemand:
    return PacketDemand(rate.target, rate.maximum)
