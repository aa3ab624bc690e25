"""Copies packets between containers, with timestamps that the muxer accepts."""

from fractions import Fraction

import av
from av.container import OutputContainer
from av.stream import Stream

TS_NONSTRICT = 0x20000  # FFmpeg's AVFMT_TS_NONSTRICT: equal timestamps are allowed


def copy_packet(packet: "av.Packet[Stream]") -> "av.Packet[Stream]":
    """A packet with the same data and timestamps, without side data."""
    copy: av.Packet[Stream] = av.Packet(bytes(packet))
    copy.time_base = packet.time_base
    copy.pts = packet.pts
    copy.dts = packet.dts
    copy.duration = packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy


class OrderedMuxer:
    """Muxes a stream's packets; increases timestamps that are not greater than the last one."""

    def __init__(self, container: OutputContainer, stream: Stream) -> None:
        self.container, self.stream = container, stream
        self._min_step = 0 if int(container.format.flags) & TS_NONSTRICT else 1
        self._last: int | None = None

    def mux(self, packet: "av.Packet[Stream]") -> None:
        """Raises PyAV's errors if the packet cannot be written."""
        self.container.start_encoding()
        assert self.stream.time_base is not None
        _rescale(packet, self.stream.time_base)
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None:
            packet.pts = packet.dts = 0 if self._last is None else self._last + 1
        if self._last is not None and packet.dts < self._last + self._min_step:
            packet.dts = self._last + self._min_step
        if packet.pts is None or packet.pts < packet.dts:
            packet.pts = packet.dts
        self._last = packet.dts
        packet.stream = self.stream
        self.container.mux_one(packet)


def _rescale(packet: "av.Packet[Stream]", base: Fraction) -> None:
    ticks = packet.time_base / base
    packet.pts = None if packet.pts is None else round(packet.pts * ticks)
    packet.dts = None if packet.dts is None else round(packet.dts * ticks)
    packet.duration = round((packet.duration or 0) * ticks)
    packet.time_base = base
