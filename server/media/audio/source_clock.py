"""Capture times of audio on this machine's clock, from RTP timestamps and arrival times."""

from collections import deque

from server.media.audio.opus import SAMPLE_RATE

WINDOW_S = 2.0  # of the minimum over transit times
SILENCE_S = 1.0  # without a packet: then timestamps may be discontinuous, and another sender may begin
MAX_JUMP_S = 5.0  # difference from the expected timestamp that resets the count


class SourceClock:
    """Maps all packets of a session's audio to one continuous sample count, and a count to a time without jitter.

    The count continues through timestamp wraps, pauses and changes of the sender. Its time is the arrival time at the
    minimum transit time: a moving minimum, which follows the drift between the source's clock and ours. Times in
    seconds on the monotonic clock.
    """

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, float]] = deque()  # (time, arrival minus count), both increasing
        self._ssrc: int | None = None
        self._base = 0  # count minus timestamp, modulo 2^32
        self._newest = 0  # count
        self._arrived = 0.0

    def arrived(self, ssrc: int, timestamp: int, now: float) -> int | None:
        """The count of a packet's first sample; None for a second sender while the current one is active."""
        silent = not self._offsets or now - self._arrived > SILENCE_S
        if ssrc != self._ssrc and not silent:
            return None
        count = self.count(timestamp)
        if silent or abs(now - self.time(count)) > MAX_JUMP_S:
            count = round((now - (self._offsets[0][1] if self._offsets else 0.0)) * SAMPLE_RATE)
            self._base = count - timestamp
        self._ssrc = ssrc
        self._arrived = now
        self._newest = max(count, self._newest)
        self._add_offset(now, now - count / SAMPLE_RATE)
        return count

    def count(self, timestamp: int) -> int:
        """The count of a timestamp of the current sender: the one nearest to its newest packet."""
        ahead = (timestamp + self._base - self._newest) & 0xFFFFFFFF
        return self._newest + ahead - (0x1_0000_0000 if ahead & 0x8000_0000 else 0)

    def time(self, count: int) -> float:
        """Arrival time of this sample at minimum transit time. Call it after the first packet only."""
        return count / SAMPLE_RATE + self._offsets[0][1]

    def arrival(self, timestamp: int) -> float | None:
        """Expected arrival time of this RTP timestamp; None before the first packet."""
        return self.time(self.count(timestamp)) if self._offsets else None

    def _add_offset(self, now: float, offset: float) -> None:
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((now, offset))
        while now - self._offsets[0][0] > WINDOW_S:
            self._offsets.popleft()
