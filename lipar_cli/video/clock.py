"""One time for all streams of a file, which goes on where the file's own timestamps start again."""

from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream

BACKWARD_S = Fraction(1, 10)  # further back than this is a new start
FORWARD_S = 10  # further forward than this is one too, where the container's clock may jump
TS_DISCONT = 0x200  # FFmpeg's AVFMT_TS_DISCONT
LARGEST = 1 << 60  # a damaged file's timestamps stay below this, so that sums of them fit into 64 bits


@dataclass(slots=True)
class _StreamTime:
    """Where a stream is, in its own timestamps, in seconds."""

    section: int
    last: Fraction
    next: Fraction


class Clock:
    """Shifts packets' timestamps. A section begins where they start again; its offset is the same for all streams."""

    def __init__(self, container: InputContainer) -> None:
        self.jumps = bool(int(container.format.flags) & TS_DISCONT)
        self.shift = Fraction(0)  # of everything, in seconds
        self._offsets = [Fraction(0)]  # of each section
        self._streams: dict[int, _StreamTime] = {}

    @property
    def restarts(self) -> int:
        return len(self._offsets) - 1

    def correct(self, packet: "av.Packet[Stream]") -> None:
        """Put the packet at its place in the one time."""
        base = packet.time_base
        if packet.dts is None and packet.pts is None:
            return
        for name in ("pts", "dts"):
            if (value := getattr(packet, name)) is not None and abs(value) > LARGEST:
                setattr(packet, name, None)
        offset = self._offset(packet) + self.shift
        if offset:
            ticks = round(offset / base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks

    def _offset(self, packet: "av.Packet[Stream]") -> Fraction:
        stamp = packet.dts  # in order, unlike presentation times
        if packet.stream.type == "subtitle":  # sparse: goes with the streams around it
            return self._offsets[-1]
        at = self._streams.get(packet.stream.index)
        if stamp is None:
            return self._offsets[at.section if at else -1]
        now = stamp * packet.time_base
        after = now + max(packet.duration or 0, 0) * packet.time_base
        if at is None:
            at = self._streams[packet.stream.index] = _StreamTime(self.restarts, now, after)
        elif now < at.last - BACKWARD_S or (self.jumps and now > at.next + FORWARD_S):
            self._start_section(at, now)
        elif at.section < self.restarts and abs(now - at.next) > BACKWARD_S:
            at.section = self.restarts  # this stream was silent when the others started again
        at.last, at.next = now, after
        return self._offsets[at.section]

    def _start_section(self, at: _StreamTime, now: Fraction) -> None:
        """The first stream that starts again says where the section goes; the others follow."""
        at.section += 1
        if at.section == len(self._offsets):
            self._offsets.append(self._offsets[-1] + at.next - now)
