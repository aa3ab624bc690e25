"""The outgoing audio track of one connection."""

import asyncio
import fractions
from collections import deque
from typing import Any, Protocol, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.audio.opus import SAMPLE_RATE

CAPACITY = 25  # packets, half a second; then the oldest are dropped
TIME_BASE = fractions.Fraction(1, SAMPLE_RATE)

Packet: TypeAlias = "av.Packet[Any]"


class AudioStream(Protocol):
    """The stream that a track belongs to."""

    def remove_track(self, track: "AudioTrack") -> None: ...


class AudioTrack(MediaStreamTrack):
    """Supplies aiortc's sender with one Opus packet at a time, at the times of the calls to `send`."""

    kind = "audio"

    def __init__(self, stream: AudioStream) -> None:
        super().__init__()
        self.stream = stream
        self._packets: deque[Packet] = deque()
        self._arrived = asyncio.Event()
        self._reading = False  # aiortc has begun to read: the connection is established

    def send(self, packet: Packet) -> int:
        """Queue a packet; returns how many packets were dropped for it."""
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
        self.stream.remove_track(self)
        self._arrived.set()

    async def recv(self) -> Any:  # aiortc accepts packets too, but declares frames only
        self._reading = True
        while self.readyState == "live":
            if self._packets:
                return self._packets.popleft()
            self._arrived.clear()
            await self._arrived.wait()
        raise MediaStreamError("the track has ended")


def opus_packet(payload: bytes, timestamp: int) -> Packet:
    """An Opus packet with its RTP timestamp as pts."""
    packet: Packet = av.Packet(payload)
    packet.pts, packet.time_base = timestamp, TIME_BASE
    return packet
