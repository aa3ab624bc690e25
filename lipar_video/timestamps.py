"""Corrects timestamp discontinuities: continuous timestamps for all streams where the file's own restart."""

from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream

BACKWARD_S = Fraction(1, 10)  # larger jumps back are discontinuities
FORWARD_S = 10  # larger jumps forward too, in containers whose timestamps may jump
TS_DISCONT = 0x200  # FFmpeg's AVFMT_TS_DISCONT
MAX_TIMESTAMP = 1 << 60  # limit for damaged files, so that sums fit into 64 bits


@dataclass(slots=True)
class _StreamTime:
    """The position of a stream in its own timestamps, in seconds."""

    section: int
    decoded: Fraction | None = None  # newest packet's decoding time, in this section
    shown: Fraction = Fraction(0)  # the end of this section's newest packet


class TimestampCorrector:
    """Shifts packet timestamps. A section starts at a discontinuity and has one offset for all streams."""

    def __init__(self, container: InputContainer) -> None:
        self.may_jump = bool(int(container.format.flags) & TS_DISCONT)
        self.shift = Fraction(0)  # of all timestamps, in seconds
        self._offsets = [Fraction(0)]  # of each section
        self._streams: dict[int, _StreamTime] = {}

    @property
    def restarts(self) -> int:
        return len(self._offsets) - 1

    def correct(self, packet: "av.Packet[Stream]") -> None:
        """Shift the packet's timestamps by the offset of its section."""
        base = packet.time_base
        if packet.dts is None and packet.pts is None:
            return
        for name in ("pts", "dts"):
            if (value := getattr(packet, name)) is not None and abs(value) > MAX_TIMESTAMP:
                setattr(packet, name, None)
        offset = self._offset(packet) + self.shift
        if offset:
            ticks = round(offset / base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks

    def _offset(self, packet: "av.Packet[Stream]") -> Fraction:
        if packet.stream.type == "subtitle":  # sparse: uses the newest section of the other streams
            return self._offsets[-1]
        index = packet.stream.index
        base = packet.time_base
        stamp = packet.pts if packet.dts is None else packet.dts  # never later than the presentation time
        assert stamp is not None
        shown = (stamp if packet.pts is None else packet.pts) * base
        stream = self._streams.get(index)
        if stream is None:
            stream = self._streams[index] = _StreamTime(self.restarts)
        elif stream.decoded is not None and self._is_discontinuity(stream, stamp * base):
            self._start_section(stream, shown)
        if packet.dts is not None:
            stream.decoded = stamp * base
        stream.shown = max(stream.shown, shown + max(packet.duration or 0, 0) * base)
        return self._offsets[stream.section]

    def _is_discontinuity(self, stream: _StreamTime, now: Fraction) -> bool:
        assert stream.decoded is not None
        if now < stream.decoded - BACKWARD_S or (self.may_jump and now > stream.decoded + FORWARD_S):
            return True
        # other streams have restarted while this one had no packets
        is_behind = stream.section < self.restarts
        return is_behind and now > stream.decoded + 2 * BACKWARD_S and now > stream.shown + BACKWARD_S

    def _start_section(self, stream: _StreamTime, shown: Fraction) -> None:
        """The first stream that restarts defines the section's offset for all streams."""
        stream.section += 1
        if stream.section == len(self._offsets):
            self._offsets.append(self._offsets[-1] + stream.shown - shown)
        stream.decoded = None
        stream.shown = shown
