"""Audio tracks: copied if the container accepts the codec, else re-encoded. Errors in audio are never fatal."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.stream import Stream

from lipar_video.error_text import is_system_error
from lipar_video.muxers import Muxer, accepts_copy
from lipar_video.packets import OrderedMuxer
from lipar_video.survey import StreamSurvey

DEFAULT_RATE = 48_000
MAX_GAP_S = 0.05  # longer gaps are filled with silence, longer overlaps are cut


class AudioTrack(Protocol):
    """An output track that takes the input's packets."""

    note: str
    damaged: int

    @property
    def stream(self) -> Stream: ...

    def write(self, packet: "av.Packet[Stream]") -> None: ...

    def finish(self) -> None: ...


def add_audio(container: OutputContainer, muxer: Muxer, source: AudioStream, survey: StreamSurvey) -> AudioTrack | str:
    """The track for the source's packets, or why there is none."""
    if source.codec_context is None:
        return "audio left out: its codec is unknown to FFmpeg"
    name = source.codec_context.codec.canonical_name
    if not survey.packets:
        return f"audio ({name}) left out: it has no data"
    if reason := _reason_to_encode(muxer, source, survey):
        if not source.codec_context.sample_rate or not source.codec_context.layout.nb_channels:
            return f"audio ({name}) left out: its sample rate or channels are unknown"
        return EncodedTrack(container, muxer, source, name, reason)
    return CopiedTrack(container, source, name)


def _reason_to_encode(muxer: Muxer, source: AudioStream, survey: StreamSurvey) -> str | None:
    """Why the track cannot be copied; None if it can."""
    name = source.codec_context.codec.canonical_name
    if (name.startswith("pcm") and not muxer.accepts_pcm) or not accepts_copy(muxer, source, survey.first):
        return "the container does not accept its codec"
    if survey.is_trimmed:
        return "a copy would restore sound that was trimmed"
    if survey.undecodable:
        return "it is damaged"
    if len(survey.formats) > 1:
        return "its format changes within the file"
    return None


class CopiedTrack:
    """Copies packets unchanged."""

    def __init__(self, container: OutputContainer, source: AudioStream, name: str) -> None:
        self.stream = container.add_stream_from_template(source)
        self.note = f"audio ({name}) copied"
        self.damaged = 0
        self._ordered = OrderedMuxer(container, self.stream)
        self._keeps_padding = "mp4" in container.format.name or "mov" in container.format.name

    def write(self, packet: "av.Packet[Stream]") -> None:
        if packet.is_corrupt:  # truncated, for example at the end of a cut file
            self.damaged += 1
        elif self._keeps_padding or not packet.is_discard:  # the codec's priming samples, which an edit list hides
            try:
                self._ordered.mux(packet)
            except av.FFmpegError as error:
                if is_system_error(error):
                    raise
                self.damaged += 1

    def finish(self) -> None:
        pass


class EncodedTrack:
    """Decodes packets, converts them to one format with continuous timestamps, and encodes them."""

    def __init__(self, container: OutputContainer, muxer: Muxer, source: AudioStream, name: str, reason: str) -> None:
        self._source = source
        context = source.codec_context
        rates = av.Codec(muxer.audio, "w").audio_rates
        rate = context.sample_rate if not rates or context.sample_rate in rates else DEFAULT_RATE
        stream = container.add_stream(muxer.audio, rate=rate)
        assert isinstance(stream, AudioStream)
        # surround sound is mixed down: channel layouts differ between codecs
        stream.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        stream.codec_context.time_base = Fraction(1, rate)
        self.stream: AudioStream = stream
        self.note = f"audio ({name}) re-encoded as {muxer.audio}: {reason}"
        self.damaged = 0
        self._ordered = OrderedMuxer(container, stream)
        self._normaliser = _AudioNormaliser(stream)

    def write(self, packet: "av.Packet[Stream]") -> None:
        if packet.is_corrupt:
            self.damaged += 1
        else:
            self._decode(packet)

    def finish(self) -> None:
        """Flush decoder and encoder."""
        self._decode(None)
        for frame in self._normaliser.flush():
            self._encode(frame)
        self._encode(None)

    def _decode(self, packet: "av.Packet[Stream] | None") -> None:
        try:
            frames = self._source.codec_context.decode(packet)
            normalised = [output for frame in frames for output in self._normaliser.push(frame)]
        except (av.FFmpegError, ValueError):
            self.damaged += packet is not None
            return
        for frame in normalised:
            self._encode(frame)

    def _encode(self, frame: AudioFrame | None) -> None:
        for packet in self.stream.encode(frame):
            self._ordered.mux(packet)


class _AudioNormaliser:
    """Converts frames to the encoder's format; fills gaps with silence and cuts overlaps."""

    def __init__(self, target: AudioStream) -> None:
        context = target.codec_context
        self._format = (
            f"sample_fmts={context.format.name}:sample_rates={context.sample_rate}"
            f":channel_layouts={context.layout.name}"
        )
        self._input_format: tuple[str, str, int] | None = None
        self._graph: Graph | None = None

    def push(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if input_format != self._input_format:
            yield from self.flush()
            self._build(frame)
            self._input_format = input_format
        assert self._graph is not None
        self._graph.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator[AudioFrame]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull()
        self._input_format = self._graph = None

    def _pull(self) -> Iterator[AudioFrame]:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, AudioFrame)
            yield frame

    def _build(self, frame: AudioFrame) -> None:
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base,
        )
        even = self._graph.add("aresample", f"async=1:min_hard_comp={MAX_GAP_S}")
        self._graph.link_nodes(source, even, self._graph.add("aformat", self._format), self._graph.add("abuffersink"))
        self._graph.configure()
