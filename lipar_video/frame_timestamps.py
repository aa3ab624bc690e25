"""Presentation times of decoded frames."""

import heapq
from collections import deque
from fractions import Fraction

import av
from av.stream import Stream


class FrameTimestamps:
    """Presentation time and duration of each frame in the reader's time base, strictly increasing."""

    def __init__(self, stream_time_base: Fraction, time_base: Fraction, rate: Fraction) -> None:
        """Time bases of the stream and of the reader, in seconds; frames per second."""
        self._ticks = stream_time_base / time_base  # reader ticks per stream tick
        self._step = max(1, round(1 / (rate * time_base)))
        self._by_packet: list[int] = []  # decoding times of packets without a presentation time
        self._waiting: deque[tuple[int, int]] = deque()
        self._last: int | None = None
        self._next = 0

    def feed(self, packet: "av.Packet[Stream]") -> None:
        """Call for each packet sent to the decoder."""
        if packet.pts is None and packet.dts is not None:
            heapq.heappush(self._by_packet, packet.dts)

    def add(self, frame: av.VideoFrame) -> None:
        """Call for each frame returned by the decoder."""
        stamp = frame.pts
        if stamp is None and self._by_packet:
            stamp = heapq.heappop(self._by_packet)  # both are in order of time
        at = self._next if stamp is None else round(stamp * self._ticks)
        if self._last is not None:
            at = max(at, self._last + 1)
        length = round(frame.duration * self._ticks) if frame.duration > 0 else self._step
        self._last = at
        self._next = at + max(length, 1)
        self._waiting.append((at, max(length, 1)))

    def take(self) -> tuple[int, int]:
        """Time and duration of the filter's next picture."""
        return self._waiting.popleft()
