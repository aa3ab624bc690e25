"""A first look at the whole file, without decoding its pictures: what each stream holds, and when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

from lipar_cli.video.clock import LARGEST, Clock

FIRST_PACKETS = 8  # kept of each stream, to try a muxer with
TRIMMED_S = Fraction(1, 10)  # more sound than this before the start is no codec's padding
FAR_START_S = 10  # the clock of a transport stream has no meaning: it is not kept from here on
ROUNDING_S = Fraction(1, 500)  # of containers that count milliseconds
IN_BAND = ("mpegts", "mpeg", "aac", "mp3", "ac3", "eac3", "loas")  # containers whose packets say what the sound is


@dataclass(slots=True)
class StreamSurvey:
    """What one stream holds."""

    packets: int = 0
    silent_until: Fraction = Fraction(-LARGEST)  # the codec's start-up is not played
    hidden: int = 0  # packets that the container marks as not to be played
    hidden_s: Fraction = Fraction(0)
    start: Fraction | None = None  # of what is to be played, in seconds
    end: Fraction | None = None
    first: "list[av.Packet[Stream]]" = field(default_factory=list)
    undecodable: int = 0  # packets of in-band sound
    formats: set[tuple[int, str]] = field(default_factory=set)  # of in-band sound: sample rate and layout

    @property
    def is_trimmed(self) -> bool:
        return self.hidden_s > TRIMMED_S


class Survey:
    """What a whole file holds."""

    def __init__(self, container: InputContainer, streams: list[Stream]) -> None:
        self.streams = {stream.index: StreamSurvey() for stream in streams}
        self._in_band = container.format.name.split(",")[0] in IN_BAND
        self._clock = Clock(container)
        self.restarts = 0
        for packet in _readable(container, streams):
            self._add(packet)
        self.restarts = self._clock.restarts

    @property
    def shift(self) -> Fraction:
        """Seconds by which all is to be moved: no time is negative, and a transport stream's far start goes."""
        starts = [stream.start for stream in self.streams.values() if stream.start is not None]
        first = min(starts, default=Fraction(0))
        return -first if first < -ROUNDING_S or (self._clock.jumps and first > FAR_START_S) else Fraction(0)

    def _add(self, packet: "av.Packet[Stream]") -> None:
        found = self.streams[packet.stream.index]
        if not packet.size:
            return
        self._clock.correct(packet)
        found.packets += 1
        if len(found.first) < FIRST_PACKETS:
            found.first.append(packet)
        length = max(packet.duration or 0, 0) * packet.time_base
        if packet.is_discard:
            found.hidden += 1
            found.hidden_s += length
        elif packet.pts is not None:
            at = packet.pts * packet.time_base
            found.end = max(at + length, at + length if found.end is None else found.end)
            if skipped := _skipped_s(packet):
                found.silent_until = at + skipped
            # an edit list starts at 0: what it leaves of a packet before that is hidden too
            at = max(at, found.silent_until, Fraction(0) if found.hidden_s else at)
            found.start = at if found.start is None else min(at, found.start)
        if self._in_band and packet.stream.type == "audio":
            found.formats |= set(self._formats(packet, found))

    def _formats(self, packet: "av.Packet[Stream]", found: StreamSurvey) -> Iterator[tuple[int, str]]:
        try:
            for frame in cast("av.Packet[AudioStream]", packet).decode():
                yield frame.sample_rate, frame.layout.name
        except (av.FFmpegError, ValueError):
            found.undecodable += 1


def _readable(container: InputContainer, streams: list[Stream]) -> "Iterator[av.Packet[Stream]]":
    try:
        yield from container.demux(streams)
    except av.FFmpegError:
        return  # the reader says so when it comes to this place


def _skipped_s(packet: "av.Packet[Stream]") -> Fraction:
    """How much of the packet's start is not to be played."""
    rate = getattr(packet.stream.codec_context, "sample_rate", 0)
    if not rate or not packet.has_sidedata("skip_samples"):
        return Fraction(0)
    return Fraction(int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little"), rate)
