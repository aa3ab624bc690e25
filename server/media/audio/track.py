"""The outgoing audio track of one connection."""

import asyncio
from collections import deque

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.sink import AudioStream, Packet

CAPACITY = 25  # packets, half a second; then the oldest are dropped


class AudioTrack(MediaStreamTrack):
    """Supplies aiortc's sender with one Opus packet at a time, at the times of the calls to `send`."""

    kind = "audio"

    def __init__(self, stream: AudioStream) -> None:
        """Subscribes to `stream` until `stop`."""
        super().__init__()
        self.stream = stream
        self._packets: deque[Packet] = deque()
        self._arrived = asyncio.Event()
        self._reading = False  # aiortc has begun to read: the connection is established
        stream.subscribe(self)

    def send(self, packet: Packet) -> int:
        if not self._reading:
            return 0
        full = len(self._packets) == CAPACITY
        if full:
            self._packets.popleft()
        self._packets.append(packet)
        self._arrived.set()
        return int(full)

    def stop(self) -> None:
        super().stop()
        self.stream.unsubscribe(self)
        self._arrived.set()

    async def recv(self) -> Packet:
        self._reading = True
        while self.readyState == "live":
            if self._packets:
                return self._packets.popleft()
            self._arrived.clear()
            await self._arrived.wait()
        raise MediaStreamError("the track has ended")
