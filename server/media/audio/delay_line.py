"""Opus packets that wait until the picture of their time is shown."""

import bisect
from typing import NamedTuple

from server.media.audio.opus import SAMPLE_RATE, packet_samples
from server.media.audio.source_clock import SourceClock

CAPACITY = 1000  # packets, past which the oldest go: 20 s of the usual 20 ms
TOLERANCE_S = 0.03  # the sound may be so far from the picture before it is moved, which can be heard
MAX_SLEW = 2e-4  # seconds a second, for what is within the tolerance: clocks differ by less
MAX_LATENESS_S = 0.1  # sound whose picture was shown so long ago is not sent any more
START_TOLERANCE_S = 0.02  # and where it begins, not even this: it would come in a burst


class QueuedPacket(NamedTuple):
    """A packet in the line; they are in the order of their first samples."""

    first: int  # count of its first sample
    samples: int
    payload: bytes


class DelayLine:
    """Lets packets go a steady delay after they were made; the delay follows the picture's.

    An outgoing timestamp is, to within the tolerance, the time at which it is sent, as the outgoing picture's is: both
    stay on one clock, whatever the delay does. A longer delay leaves a gap in the timestamps, which receivers conceal
    as they do a lost packet; a shorter one uses up gaps, and drops a packet where there is none. Between such moves
    the timestamps are the source's own, shifted, and what its clock drifts is followed by when they are sent. Times in
    seconds on the monotonic clock.
    """

    def __init__(self) -> None:
        self.clock = SourceClock()
        self.delay: float | None = None  # that the picture has; packets wait while it is not known
        self.waiting: list[QueuedPacket] = []
        self.dropped = 0
        self._shift: int | None = None  # outgoing timestamp less count; None: the next packet begins anew
        self._slew_s = 0.0  # time at which a packet is sent, less its outgoing timestamp
        self._end = 0  # outgoing timestamp at which the last packet that was sent ends

    def clear(self) -> None:
        """Forget what waits; what comes next begins anew."""
        self.waiting.clear()
        self._shift = None

    def reset(self) -> None:
        """The source comes over a new connection: forget its clock too, and how long its picture takes."""
        self.clear()
        self.clock, self.delay = SourceClock(), None

    def put(self, ssrc: int, timestamp: int, payload: bytes, now: float) -> None:
        """A packet has arrived, with the timestamp that it has."""
        samples = packet_samples(payload)
        count = self.clock.arrived(ssrc, timestamp, now) if samples else None
        if count is None:
            self.dropped += 1
            return
        bisect.insort(self.waiting, QueuedPacket(count, samples, payload))
        if len(self.waiting) > CAPACITY:
            self.waiting.pop(0)
            self.dropped += 1

    def due(self, now: float) -> float | None:
        """When the next packet is to be sent; None where none waits, or no picture has been sent yet."""
        while self.waiting and self.delay is not None:
            head = self.waiting[0]
            if self._started(head, now) and self._align(head) and self._send_time(head) >= now - MAX_LATENESS_S:
                return self._send_time(head)
            self.waiting.pop(0)
            self.dropped += 1
        return None

    def pop(self) -> tuple[bytes, int]:
        """The packet that `due` spoke of, and its outgoing timestamp."""
        head = self.waiting.pop(0)
        assert self._shift is not None
        slew = MAX_SLEW * head.samples / SAMPLE_RATE
        self._slew_s += max(-slew, min(self._timing_error(head), slew))
        outgoing = head.first + self._shift
        self._end = outgoing + head.samples
        return head.payload, outgoing

    def _started(self, head: QueuedPacket, now: float) -> bool:
        """Where sound begins, it begins with this packet, unless the picture of its time has been shown."""
        if self._shift is None and self._target_time(head) >= now - START_TOLERANCE_S:
            self._shift = max(_samples(self._target_time(head) - self._slew_s), self._end) - head.first
        return self._shift is not None

    def _align(self, head: QueuedPacket) -> bool:
        """Keep to the picture; False for a packet that came too late, or is in the way of those after it."""
        assert self._shift is not None
        gap = head.first + self._shift - self._end  # after what was sent last
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
        """How much later it should be sent than it will be."""
        return self._target_time(head) - self._send_time(head)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
