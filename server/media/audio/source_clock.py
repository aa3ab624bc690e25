"""When sound was made, on this machine's clock, by its RTP timestamps and when its packets came."""

from collections import deque

from server.media.audio.opus import SAMPLE_RATE

WINDOW_S = 2.0  # the quickest packet of this long tells how long the others were under way
SILENCE_S = 1.0  # without a packet: timestamps need not go on from where they were, and another sender may begin
MAX_JUMP_S = 5.0  # a timestamp so far from the expected one begins a new count


class SourceClock:
    """Puts all packets of a session's sound on one count of samples, and tells the time of a count, free of jitter.

    The count goes on through wraps, pauses and changes of the sender. Its time is that of its arrival as if every
    packet had been as quick as the quickest: a moving minimum, which follows the drift between the source's clock and
    ours. Times in seconds on the monotonic clock.
    """

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, float]] = deque()  # when seen, and arrival less count: rising
        self._ssrc: int | None = None
        self._base = 0  # count less timestamp, modulo 2^32
        self._newest = 0  # count
        self._arrived = 0.0

    def arrived(self, ssrc: int, timestamp: int, now: float) -> int | None:
        """The count of a packet's first sample; None for a second sender beside the one that is heard."""
        silent = not self._offsets or now - self._arrived > SILENCE_S
        if ssrc != self._ssrc and not silent:
            return None
        count = self.count(timestamp)
        if silent or abs(now - self.time(count)) > MAX_JUMP_S:
            count = round((now - (self._offsets[0][1] if self._offsets else 0.0)) * SAMPLE_RATE)
            self._base = count - timestamp
        self._ssrc, self._arrived, self._newest = ssrc, now, max(count, self._newest)
        self._add_offset(now, now - count / SAMPLE_RATE)
        return count

    def count(self, timestamp: int) -> int:
        """Of a timestamp of the sender that is heard, as near as may be to its newest packet."""
        ahead = (timestamp + self._base - self._newest) & 0xFFFFFFFF
        return self._newest + ahead - (0x1_0000_0000 if ahead & 0x8000_0000 else 0)

    def time(self, count: int) -> float:
        """When this sample was made, and on its way here. Something has arrived before this is asked."""
        return count / SAMPLE_RATE + self._offsets[0][1]

    def arrival(self, timestamp: int) -> float | None:
        """When sound of this RTP timestamp was to arrive; None before anything has."""
        return self.time(self.count(timestamp)) if self._offsets else None

    def _add_offset(self, now: float, offset: float) -> None:
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((now, offset))
        while now - self._offsets[0][0] > WINDOW_S:
            self._offsets.popleft()
