"""A first pass over the file without decoding video: the contents and times of each stream."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

from lipar_video.timestamps import MAX_TIMESTAMP, TimestampCorrector

FIRST_PACKETS = 8  # kept per stream, to test muxers with
TRIMMED_S = Fraction(1, 10)  # more hidden audio than this is trimmed content, not codec priming
MAX_START_S = 10  # larger starts of transport streams, whose clock is arbitrary, are removed
ROUNDING_S = Fraction(1, 500)  # of containers with millisecond timestamps
IN_BAND = ("mpegts", "mpeg", "aac", "mp3", "ac3", "eac3", "loas")  # containers with the audio format in the packets


@dataclass(slots=True)
class StreamSurvey:
    """The contents of one stream."""

    packets: int = 0
    audible_from: Fraction = Fraction(-MAX_TIMESTAMP)  # end of the codec's priming samples
    hidden: int = 0  # packets that the container marks as hidden
    hidden_s: Fraction = Fraction(0)
    start: Fraction | None = None  # of visible content, in seconds
    end: Fraction | None = None
    first: "list[av.Packet[Stream]]" = field(default_factory=list)
    undecodable: int = 0  # packets of in-band audio
    formats: set[tuple[int, str]] = field(default_factory=set)  # of in-band audio: sample rate and layout

    @property
    def is_trimmed(self) -> bool:
        return self.hidden_s > TRIMMED_S


class Survey:
    """The contents of a whole file."""

    def __init__(self, container: InputContainer, streams: list[Stream]) -> None:
        self.streams = {stream.index: StreamSurvey() for stream in streams}
        self._in_band = container.format.name.split(",")[0] in IN_BAND
        self._timestamps = TimestampCorrector(container)
        self.restarts = 0
        for packet in _readable_packets(container, streams):
            self._add(packet)
        self.restarts = self._timestamps.restarts

    @property
    def shift(self) -> Fraction:
        """Seconds to add to all timestamps: avoids negative ones and removes a transport stream's large start."""
        starts = [stream.start for stream in self.streams.values() if stream.start is not None]
        first = min(starts, default=Fraction(0))
        return -first if first < -ROUNDING_S or (self._timestamps.may_jump and first > MAX_START_S) else Fraction(0)

    def _add(self, packet: "av.Packet[Stream]") -> None:
        stream_survey = self.streams[packet.stream.index]
        if not packet.size:
            return
        self._timestamps.correct(packet)
        stream_survey.packets += 1
        if len(stream_survey.first) < FIRST_PACKETS:
            stream_survey.first.append(packet)
        length = max(packet.duration or 0, 0) * packet.time_base
        if packet.is_discard:
            stream_survey.hidden += 1
            stream_survey.hidden_s += length
        elif packet.pts is not None:
            at = packet.pts * packet.time_base
            stream_survey.end = max(at + length, at + length if stream_survey.end is None else stream_survey.end)
            if skipped := _skipped_start_s(packet):
                stream_survey.audible_from = at + skipped
            # an edit list starts at 0: the part of a packet before that is hidden too
            at = max(at, stream_survey.audible_from, Fraction(0) if stream_survey.hidden_s else at)
            stream_survey.start = at if stream_survey.start is None else min(at, stream_survey.start)
        if self._in_band and packet.stream.type == "audio":
            stream_survey.formats |= set(self._formats(packet, stream_survey))

    def _formats(self, packet: "av.Packet[Stream]", stream_survey: StreamSurvey) -> Iterator[tuple[int, str]]:
        try:
            for frame in cast("av.Packet[AudioStream]", packet).decode():
                yield frame.sample_rate, frame.layout.name
        except (av.FFmpegError, ValueError):
            stream_survey.undecodable += 1


def _readable_packets(container: InputContainer, streams: list[Stream]) -> "Iterator[av.Packet[Stream]]":
    try:
        yield from container.demux(streams)
    except av.FFmpegError:
        return  # the reader reports the error at this position


def _skipped_start_s(packet: "av.Packet[Stream]") -> Fraction:
    """Duration of the packet's skipped start."""
    rate = getattr(packet.stream.codec_context, "sample_rate", 0)
    if not rate or not packet.has_sidedata("skip_samples"):
        return Fraction(0)
    return Fraction(int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little"), rate)
