"""Subtitles: copied if the container accepts them, text converted to the container's codec, others left out."""

import av
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from lipar_video.muxers import Muxer, accepts_copy
from lipar_video.packets import OrderedMuxer
from lipar_video.survey import StreamSurvey


class SubtitleTrack:
    """A subtitle track of the output."""

    def __init__(self, container: OutputContainer, source: SubtitleStream, encoder: str | None) -> None:
        self._source = source
        self._encodes = encoder is not None
        if encoder is None:
            self.stream: SubtitleStream = container.add_stream_from_template(source)
        else:
            stream = container.add_stream(encoder)
            assert isinstance(stream, SubtitleStream)
            self.stream = stream
            source.codec_context.open(strict=False)
            self.stream.codec_context.subtitle_header = source.codec_context.subtitle_header
        self.damaged = 0
        self._ordered = OrderedMuxer(container, self.stream)

    def write(self, packet: "av.Packet[Stream]") -> None:
        """Write a packet of the input."""
        for written in [packet] if not self._encodes else self._encoded(packet):
            if written.pts is not None and written.pts < 0:
                written.pts = written.dts = 0
            self._ordered.mux(written)

    def _encoded(self, packet: "av.Packet[Stream]") -> "list[av.Packet[Stream]]":
        try:
            shown = self._source.codec_context.decode2(packet)
            if shown is None or not len(shown):
                return []
            written = self.stream.codec_context.encode_subtitle(shown)
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            return []
        written.time_base = packet.time_base
        written.pts = packet.pts
        written.dts = packet.pts
        written.duration = packet.duration
        return [written]


def add_subtitles(
    container: OutputContainer, muxer: Muxer, source: SubtitleStream, survey: StreamSurvey
) -> SubtitleTrack | str:
    """The track for the source's packets, or why there is none."""
    if source.codec_context is None:
        return "subtitles left out: their codec is unknown to FFmpeg"
    name = source.codec_context.codec.canonical_name
    if not survey.packets:
        return f"subtitles ({name}) left out: they have no data"
    if accepts_copy(muxer, source, survey.first):
        return SubtitleTrack(container, source, None)
    if _is_text(source):
        return SubtitleTrack(container, source, muxer.subtitles)
    return f"subtitles ({name}) left out: {muxer.name} does not support bitmap subtitles"


def _is_text(source: SubtitleStream) -> bool:
    return bool(source.codec_context.codec.text_sub)
