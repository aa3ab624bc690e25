"""An outgoing track: what one connection gets of a session's sound."""

import asyncio
import fractions
from collections import deque
from typing import Any, Protocol, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.media.audio.opus import SAMPLE_RATE

CAPACITY = 25  # packets, half a second; past them the oldest go: what is not sent in time is stale
TIME_BASE = fractions.Fraction(1, SAMPLE_RATE)

Packet: TypeAlias = "av.Packet[Any]"


class AudioStream(Protocol):
    """What a track is part of."""

    def remove_track(self, track: "AudioTrack") -> None: ...


class AudioTrack(MediaStreamTrack):
    """Gives aiortc's sender one Opus packet at a time; whoever calls `send` is its clock."""

    kind = "audio"

    def __init__(self, stream: AudioStream) -> None:
        super().__init__()
        self.stream = stream
        self._packets: deque[Packet] = deque()
        self._arrived = asyncio.Event()
        self._reading = False  # aiortc reads it: the connection stands

    def send(self, packet: Packet) -> int:
        """Send this next; returns how many packets were given up for it."""
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

    async def recv(self) -> Any:  # aiortc takes packets too, and declares frames alone
        self._reading = True
        while self.readyState == "live":
            if self._packets:
                return self._packets.popleft()
            self._arrived.clear()
            await self._arrived.wait()
        raise MediaStreamError("the track has ended")


def opus_packet(payload: bytes, timestamp: int) -> Packet:
    """A packet with its time in samples."""
    packet: Packet = av.Packet(payload)
    packet.pts, packet.time_base = timestamp, TIME_BASE
    return packet
