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
    decoded: Fraction | None = None  # of the newest packet, in this section
    shown: Fraction = Fraction(0)  # the end of what is shown of this section


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
        if packet.stream.type == "subtitle":  # sparse: goes with the streams around it
            return self._offsets[-1]
        index, base = packet.stream.index, packet.time_base
        stamp = packet.pts if packet.dts is None else packet.dts  # no packet is shown before it is decoded
        assert stamp is not None
        shown = (stamp if packet.pts is None else packet.pts) * base
        at = self._streams.get(index)
        if at is None:
            at = self._streams[index] = _StreamTime(self.restarts)
        elif at.decoded is not None and self._starts_again(at, stamp * base):
            self._start_section(at, shown)
        if packet.dts is not None:
            at.decoded = stamp * base
        at.shown = max(at.shown, shown + max(packet.duration or 0, 0) * base)
        return self._offsets[at.section]

    def _starts_again(self, at: _StreamTime, now: Fraction) -> bool:
        assert at.decoded is not None
        if now < at.decoded - BACKWARD_S or (self.jumps and now > at.decoded + FORWARD_S):
            return True
        # others have started again while this stream was silent
        return at.section < self.restarts and now > at.decoded + 2 * BACKWARD_S and now > at.shown + BACKWARD_S

    def _start_section(self, at: _StreamTime, shown: Fraction) -> None:
        """The first stream that starts again says where the section goes; the others follow."""
        at.section += 1
        if at.section == len(self._offsets):
            self._offsets.append(self._offsets[-1] + at.shown - shown)
        at.decoded, at.shown = None, shown
