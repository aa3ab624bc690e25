"""A delay line of Opus packets, in sync with the edited video."""

import bisect
from typing import NamedTuple

from server.media.audio.opus import SAMPLE_RATE, packet_samples
from server.media.audio.source_clock import SourceClock
from server.media.counters import SessionCounters

CAPACITY = 1000  # packets: 20 s at the usual 20 ms; then the oldest are dropped
TOLERANCE_S = 0.03  # audio-video offset that is accepted before an audible correction
MAX_SLEW = 2e-4  # seconds per second, for offsets within the tolerance: clock drift is smaller
MAX_LATENESS_S = 0.1  # packets later than this are dropped
START_TOLERANCE_S = 0.02  # the same for the first packet, to avoid a burst


class QueuedPacket(NamedTuple):
    """A packet in the line; sorted by first sample."""

    first: int  # sample count of its first sample
    samples: int
    payload: bytes


class DelayLine:
    """Releases packets a steady delay after their capture; the delay follows the video's.

    An outgoing timestamp equals, within the tolerance, its send time, as for outgoing video: both stay on one clock
    when the delay changes. A longer delay leaves a gap in the timestamps, which receivers conceal like a lost packet;
    a shorter one closes gaps, and drops a packet if there is none. Between such corrections the timestamps are the
    source's, shifted by a constant, and its clock drift is compensated in the send times. Times in seconds on the
    monotonic clock.
    """

    def __init__(self, counters: SessionCounters | None = None) -> None:
        self.counters = counters or SessionCounters()
        self.clock = SourceClock()
        self.delay: float | None = None  # of the video; packets wait while it is unknown
        self.waiting: list[QueuedPacket] = []
        self._shift: int | None = None  # outgoing timestamp minus sample count; None: set by the next packet
        self._slew_s = 0.0  # send time minus outgoing timestamp
        self._end = 0  # outgoing timestamp of the end of the last packet sent

    def clear(self) -> None:
        """Discard the queued packets; the next one starts a new timeline."""
        self.waiting.clear()
        self._shift = None

    def reset(self) -> None:
        """The source has a new connection: discard its clock and the delay too."""
        self.clear()
        self.clock = SourceClock()
        self.delay = None

    def put(self, ssrc: int, timestamp: int, payload: bytes, now: float) -> None:
        """Queue a packet with its RTP timestamp."""
        samples = packet_samples(payload)
        count = self.clock.arrived(ssrc, timestamp, now) if samples else None
        if count is None:
            self.counters.audio_too_late += 1
            return
        bisect.insort(self.waiting, QueuedPacket(count, samples, payload))
        if len(self.waiting) > CAPACITY:
            self.waiting.pop(0)
            self.counters.audio_too_late += 1

    def due(self, now: float) -> float | None:
        """Send time of the next packet; None if none is queued, or no video frame has been sent yet."""
        while self.waiting and self.delay is not None:
            head = self.waiting[0]
            if self._started(head, now) and self._align(head) and self._send_time(head) >= now - MAX_LATENESS_S:
                return self._send_time(head)
            self.waiting.pop(0)
            self.counters.audio_too_late += 1
        return None

    def pop(self) -> tuple[bytes, int]:
        """Remove and return the packet whose time `due` returned, with its outgoing timestamp."""
        head = self.waiting.pop(0)
        assert self._shift is not None
        slew = MAX_SLEW * head.samples / SAMPLE_RATE
        self._slew_s += max(-slew, min(self._timing_error(head), slew))
        outgoing = head.first + self._shift
        self._end = outgoing + head.samples
        return head.payload, outgoing

    def _started(self, head: QueuedPacket, now: float) -> bool:
        """Start the timeline with this packet if there is none, unless the packet is late; whether there is one."""
        if self._shift is None and self._target_time(head) >= now - START_TOLERANCE_S:
            self._shift = max(_samples(self._target_time(head) - self._slew_s), self._end) - head.first
        return self._shift is not None

    def _align(self, head: QueuedPacket) -> bool:
        """Correct offsets beyond the tolerance; False for a packet that overlaps the previous one or is dropped."""
        assert self._shift is not None
        gap = head.first + self._shift - self._end  # samples after the last packet sent
        error = self._timing_error(head)
        if error > TOLERANCE_S:
            self._shift += _samples(error)
        elif error < -TOLERANCE_S and gap >= 0:
            self._shift -= min(gap, _samples(-error))
            if self._timing_error(head) < -TOLERANCE_S:
                self._shift -= head.samples
                return False
        return gap >= 0

    def _target_time(self, head: QueuedPacket) -> float:
        assert self.delay is not None
        return self.clock.time(head.first) + self.delay

    def _send_time(self, head: QueuedPacket) -> float:
        assert self._shift is not None
        return (head.first + self._shift) / SAMPLE_RATE + self._slew_s

    def _timing_error(self, head: QueuedPacket) -> float:
        """Target time minus send time."""
        return self._target_time(head) - self._send_time(head)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
