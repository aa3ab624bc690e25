"""Any video file as pictures of the model's size, with the packets of its sound and subtitles between them."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.codec.context import ThreadType
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from lipar_cli.video.clock import Clock
from lipar_cli.video.geometry import Fit, describe_fit
from lipar_cli.video.picture_filter import Picture, PictureFilter
from lipar_cli.video.source import Source
from lipar_cli.video.survey import StreamSurvey, Survey
from lipar_core.errors import LiparError

DEFAULT_RATE = Fraction(25)  # of a file that doesn't say
FINEST_PER_S = 200_000  # ticks: finer ones overflow MP4's 32 bits after a gap of seconds
COARSEST_PER_S = 10_000
FRAME_PER_PACKET = ("h264", "hevc", "vvc", "mpeg1video", "mpeg2video")  # others have packets that show nothing
CONCEALS_NOTHING = ("mjpeg", "mjpegb")  # what is missing of a picture is left as the memory was, without a word
LARGEST_INT = 2**31 - 1  # of FFmpeg's fractions; a damaged header may hold odd ones
NO_TIMESTAMPS = 0x80  # FFmpeg's AVFMT_NOTIMESTAMPS
PLAIN_TIME_BASE = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A decoded frame in the model's size."""

    picture: Picture
    pts: int  # in the reader's time base
    duration: int


class VideoReader:
    """Demuxes a file in one pass, after a survey of it: frames are decoded, other packets come as they are."""

    def __init__(self, path: Path, width: int, height: int, fit: Fit, spool_folder: Path = Path()) -> None:
        """Raises `LiparError` when the file cannot be read or has no video that can be decoded."""
        self.path, self.width, self.height, self.fit = path, width, height, fit
        self.source = Source(path, spool_folder)
        try:
            self.container = self.source.open()
            self.video = self._choose_video()
            self.others = [s for s in self.container.streams if s.type in ("audio", "subtitle")]
            self.survey = self._survey()
        except BaseException:
            self.source.close()
            raise
        self._decoder = _decoder_of(self.video)
        self.frames = self.damaged = self.concealed = 0
        self._filter = PictureFilter(width, height, fit)
        self._clock = Clock(self.container)
        self.shift = self._clock.shift = self.survey.shift
        self._stamps = _FrameTimes(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()
        self.source.close()

    @property
    def stream_time_base(self) -> Fraction:
        return self.video.time_base or 1 / self.rate

    @property
    def time_base(self) -> Fraction:
        """Of the frames' timestamps: the file's own, made finer or coarser to what every container takes."""
        base = self.stream_time_base
        if base < Fraction(1, FINEST_PER_S):
            return PLAIN_TIME_BASE
        while base > Fraction(1, COARSEST_PER_S):
            base /= 2
        return base if max(base.numerator, base.denominator) <= LARGEST_INT else PLAIN_TIME_BASE

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        if self._elementary:
            return self.video.guessed_rate or DEFAULT_RATE  # FFmpeg's average is its own assumption there
        average, guessed = self.video.average_rate, self.video.guessed_rate
        if average and guessed and average > 2 * guessed:
            return guessed  # of raw DV, FFmpeg gives the clock's rate as the average
        return average or guessed or DEFAULT_RATE

    @property
    def expected_frames(self) -> int | None:
        """How many frames there will be, roughly."""
        return self.survey.streams[self.video.index].packets or None

    @property
    def notes(self) -> list[str]:
        """What was done to the pictures and to their times."""
        said = list(self._filter.notes)
        if self._filter.shown_size is not None:
            said.insert(0, describe_fit(self._filter.shown_size, self.width, self.height, self.fit))
        if restarts := self.survey.restarts:
            said.append(f"timestamps start again {_times(restarts)}: joined")
        if self.shift:
            said.append(f"all timestamps moved by {float(self.shift):+.3f} s")
        return said

    @property
    def losses(self) -> list[str]:
        """What of the file's picture is not in what was read."""
        said = []
        if self.concealed:
            said.append(
                f"{self.concealed} damaged {'frame' if self.concealed == 1 else 'frames'} shown as far as possible"
            )
        if lost := self._lost_frames:
            said.append(f"{lost} damaged {'frame' if lost == 1 else 'frames'} lost")
        if self._ended_early:
            said.append(f"the input announces {self.video.frames} frames, {self.frames} were there")
        return said + self._left_out

    @property
    def _left_out(self) -> list[str]:
        """Other pictures of the file, and what is attached to it."""
        others = [stream for stream in self.container.streams if stream is not self.video]
        covers = [s for s in others if s.disposition & Disposition.attached_pic]
        films = [s for s in others if s.type == "video" and s not in covers]
        attached = [s for s in others if s.type == "attachment"]
        kinds = {"further video track": films, "cover picture": covers, "attachment": attached}
        return [f"{len(found)} {kind}{'s'[: len(found) > 1]} left out" for kind, found in kinds.items() if found]

    @property
    def _lost_frames(self) -> int:
        """Frames that the decoder gave nothing for, without an error."""
        found = self.survey.streams[self.video.index]
        if self._decoder.codec.canonical_name not in FRAME_PER_PACKET:
            return 0
        return max(0, found.packets - found.hidden - self.damaged - self.frames)

    @property
    def _elementary(self) -> bool:
        """Whether the file is a bare stream, without times."""
        return bool(int(self.container.format.flags) & NO_TIMESTAMPS)

    def _drop_false_times(self, packet: "av.Packet[Stream]") -> None:
        """Those that FFmpeg makes up where the container has none: it does not know how B-frames are ordered."""
        if self._elementary:
            packet.pts = packet.dts = None
        elif self.container.format.name == "avi":
            packet.pts = None

    @property
    def _ended_early(self) -> bool:
        """Whether the file holds less than its header says: less time too, not only fewer samples of an edit list."""
        video, found = self.video, self.survey.streams[self.video.index]
        if self.frames >= video.frames or not video.duration or found.end is None:
            return False
        promised = (video.start_time or 0) * self.stream_time_base + video.duration * self.stream_time_base
        return found.end < promised - 1 / self.rate

    def __iter__(self) -> Iterator["SourceFrame | av.Packet[Stream]"]:
        """Source frames and other packets. A damaged packet is skipped and counted; no frame at all is an error."""
        for packet in self._packets():
            if packet is not None and packet.stream is not self.video:
                if packet.size:
                    self._clock.correct(packet)
                    yield packet
                continue
            if packet is not None and packet.size:
                self._drop_false_times(packet)
                self._clock.correct(packet)
                self._stamps.feed(packet)
            yield from self._decoded(packet)
        yield from self._framed(self._filter.flush())
        if not self.frames:
            raise LiparError(f"input {self.path}: no frame of its video could be decoded")

    def _decoded(self, packet: "av.Packet[Stream] | None") -> Iterator[SourceFrame]:
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            self.concealed += frame.is_corrupt
            self._stamps.add(frame)
            yield from self._framed(self._filter.push(frame, self._pixel_aspect()))

    def _framed(self, pictures: Iterator[Picture]) -> Iterator[SourceFrame]:
        for picture in pictures:
            self.frames += 1
            yield SourceFrame(picture, *self._stamps.take())

    def _packets(self) -> "Iterator[av.Packet[Stream] | None]":
        """The file's packets, an empty one of each stream at its end; None where it cannot be read on."""
        try:
            yield from self.container.demux([self.video, *self.others])
        except av.FFmpegError:
            self.damaged += 1
            yield None

    def _choose_video(self) -> VideoStream:
        films = [v for v in self.container.streams.video if not v.disposition & Disposition.attached_pic]
        if not films:
            raise LiparError(f"input {self.path}: there is no video in it")
        known = [film for film in films if film.codec_context is not None]
        if not known:
            raise LiparError(f"input {self.path}: its video is in a codec that this FFmpeg cannot decode")
        default = [film for film in known if film.disposition & Disposition.default]
        return (default or known)[0]

    def _survey(self) -> Survey:
        """By a container of its own: going back to the start is not exact in every format."""
        with self.source.open() as container:
            streams = [container.streams[stream.index] for stream in (self.video, *self.others)]
            return Survey(container, streams)

    def _pixel_aspect(self) -> Fraction:
        """The container's word goes first, as players have it."""
        aspect = self.video.sample_aspect_ratio or self._decoder.sample_aspect_ratio
        return aspect if aspect and Fraction(1, 100) < aspect < 100 else Fraction(1)

    def survey_of(self, stream: Stream) -> StreamSurvey:
        return self.survey.streams[stream.index]


def _decoder_of(video: VideoStream) -> VideoCodecContext:
    """The stream's own, except for VP8 and VP9 with transparency, of which FFmpeg's own decoders know nothing."""
    decoder = video.codec_context
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(decoder.codec.canonical_name)
    if video.metadata.get("alpha_mode") == "1" and name in av.codecs_available:
        decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
    is_vp8 = decoder.codec.name == "vp8"  # which notices damage only where its threads share a picture
    decoder.thread_type = ThreadType.SLICE if is_vp8 else ThreadType.AUTO
    if decoder.codec.canonical_name in CONCEALS_NOTHING:
        decoder.options = {"err_detect": "explode"}  # so that the picture before stays, and is counted
    return decoder


class _FrameTimes:
    """When each frame is due and for how long, in the reader's time base, strictly increasing."""

    def __init__(self, reader: VideoReader) -> None:
        self._ticks = reader.stream_time_base / reader.time_base  # of ours, in one of the stream's
        self._step = max(1, round(1 / (reader.rate * reader.time_base)))
        self._by_packet: list[int] = []  # decoding times of packets without a presentation time
        self._waiting: deque[tuple[int, int]] = deque()
        self._last: int | None = None
        self._next = 0

    def feed(self, packet: "av.Packet[Stream]") -> None:
        """A packet goes into the decoder."""
        if packet.pts is None and packet.dts is not None:
            heapq.heappush(self._by_packet, packet.dts)

    def add(self, frame: av.VideoFrame) -> None:
        """A frame came out of it."""
        stamp = frame.pts
        if stamp is None and self._by_packet:
            stamp = heapq.heappop(self._by_packet)  # frames come in order of time, and so do these
        at = self._next if stamp is None else round(stamp * self._ticks)
        if self._last is not None:
            at = max(at, self._last + 1)
        length = round(frame.duration * self._ticks) if frame.duration > 0 else self._step
        self._last, self._next = at, at + max(length, 1)
        self._waiting.append((at, max(length, 1)))

    def take(self) -> tuple[int, int]:
        """Time and duration of the next picture out of the filter."""
        return self._waiting.popleft()


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
