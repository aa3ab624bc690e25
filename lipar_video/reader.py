"""Reads any video file: pictures of the model's size, interleaved with packets of audio and subtitles."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lipar_core.errors import LiparError
from lipar_core.parameters import Fit
from lipar_video.decoder import decoder_of
from lipar_video.frame_timestamps import FrameTimestamps
from lipar_video.geometry import describe_fit
from lipar_video.picture_filter import Picture, PictureFilter
from lipar_video.source import Source
from lipar_video.stream_timing import StreamTiming
from lipar_video.survey import StreamSurvey, Survey
from lipar_video.timestamps import TimestampCorrector

FRAME_PER_PACKET = ("h264", "hevc", "vvc", "mpeg1video", "mpeg2video")  # others have packets without a visible frame


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A decoded frame in the model's size."""

    picture: Picture
    pts: int  # in the reader's time base: `VideoReader.timing`
    duration: int


class VideoReader:
    """Demuxes a file in one pass after a survey: yields decoded frames and the other streams' packets."""

    def __init__(self, path: Path, width: int, height: int, fit: Fit, spool_folder: Path = Path()) -> None:
        """Raises `LiparError` if the file cannot be read or has no decodable video."""
        self.path = path
        self.width = width
        self.height = height
        self.fit = fit
        self.source = Source(path, spool_folder)
        try:
            self.container = self.source.open()
            self.video = self._choose_video()
            self.others = [s for s in self.container.streams if s.type in ("audio", "subtitle")]
            self.survey = self._survey()
        except BaseException:  # nobody else closes it, not even after an interrupt
            self.source.close()
            raise
        self._decoder = decoder_of(self.video)
        self.frames = self.damaged = self.concealed = 0
        self._filter = PictureFilter(width, height, fit)
        self._timestamps = TimestampCorrector(self.container)
        self.shift = self._timestamps.shift = self.survey.shift
        self.timing = StreamTiming(self.container, self.video)
        self._stamps = FrameTimestamps(self.timing.stream_time_base, self.timing.time_base, self.timing.rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()
        self.source.close()

    @property
    def expected_frames(self) -> int | None:
        """The approximate number of frames."""
        return self.survey.streams[self.video.index].packets or None

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """Width and height of the newest picture as players show it, before it is fitted; None before the first."""
        return self._filter.shown_size

    @property
    def notes(self) -> list[str]:
        """Conversions of the pictures and timestamps."""
        notes = list(self._filter.notes)
        if self._filter.shown_size is not None:
            notes.insert(0, describe_fit(self._filter.shown_size, self.width, self.height, self.fit))
        if restarts := self.survey.restarts:
            notes.append(f"timestamps restart {_times_text(restarts)}: made continuous")
        if self.shift:
            notes.append(f"all timestamps shifted by {float(self.shift):+.3f} s")
        return notes

    @property
    def losses(self) -> list[str]:
        """Video content of the file that was not read."""
        losses = []
        if self.concealed:
            losses.append(f"{self.concealed} damaged {'frame' if self.concealed == 1 else 'frames'} partly concealed")
        if lost := self._lost_frames:
            losses.append(f"{lost} damaged {'frame' if lost == 1 else 'frames'} lost")
        if self._ended_early:
            losses.append(f"the input's header announces {self.video.frames} frames, {self.frames} were found")
        return losses + self._left_out

    @property
    def _left_out(self) -> list[str]:
        """Other video streams, cover pictures and attachments."""
        others = [stream for stream in self.container.streams if stream is not self.video]
        covers = [s for s in others if s.disposition & Disposition.attached_pic]
        video_streams = [s for s in others if s.type == "video" and s not in covers]
        attached = [s for s in others if s.type == "attachment"]
        kinds = {"further video track": video_streams, "cover picture": covers, "attachment": attached}
        return [
            f"{len(streams)} {kind}{'s'[: len(streams) > 1]} left out" for kind, streams in kinds.items() if streams
        ]

    @property
    def _lost_frames(self) -> int:
        """Packets for which the decoder returned neither a frame nor an error."""
        stream_survey = self.survey.streams[self.video.index]
        if self._decoder.codec.canonical_name not in FRAME_PER_PACKET:
            return 0
        return max(0, stream_survey.packets - stream_survey.hidden - self.damaged - self.frames)

    @property
    def _ended_early(self) -> bool:
        """Whether the file is shorter than its header says, in time, not only in samples of an edit list."""
        video = self.video
        stream_survey = self.survey.streams[self.video.index]
        if self.frames >= video.frames or not video.duration or stream_survey.end is None:
            return False
        announced_end = ((video.start_time or 0) + video.duration) * self.timing.stream_time_base
        return stream_survey.end < announced_end - 1 / self.timing.rate

    def __iter__(self) -> Iterator["SourceFrame | av.Packet[Stream]"]:
        """Source frames and other packets. Damaged packets are skipped and counted; no frames at all is an error."""
        for packet in self._packets():
            if packet is not None and packet.stream is not self.video:
                if packet.size:
                    self._timestamps.correct(packet)
                    yield packet
                continue
            if packet is not None and packet.size:
                self.timing.drop_guessed_timestamps(packet)
                self._timestamps.correct(packet)
                self._stamps.feed(packet)
            yield from self._decode_packet(packet)
        yield from self._source_frames(self._filter.flush())
        if not self.frames:
            raise LiparError(f"input {self.path}: no frame of its video could be decoded")

    def _decode_packet(self, packet: "av.Packet[Stream] | None") -> Iterator[SourceFrame]:
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            self.concealed += frame.is_corrupt
            self._stamps.add(frame)
            yield from self._source_frames(self._filter.push(frame, self._pixel_aspect()))

    def _source_frames(self, pictures: Iterator[Picture]) -> Iterator[SourceFrame]:
        for picture in pictures:
            self.frames += 1
            yield SourceFrame(picture, *self._stamps.take())

    def _packets(self) -> "Iterator[av.Packet[Stream] | None]":
        """The file's packets, at the end an empty one per stream; None if reading fails."""
        try:
            yield from self.container.demux([self.video, *self.others])
        except av.FFmpegError:
            self.damaged += 1
            yield None

    def _choose_video(self) -> VideoStream:
        video_streams = [v for v in self.container.streams.video if not v.disposition & Disposition.attached_pic]
        if not video_streams:
            raise LiparError(f"input {self.path}: there is no video in it")
        known = [film for film in video_streams if film.codec_context is not None]
        if not known:
            raise LiparError(f"input {self.path}: its video is in a codec that this FFmpeg cannot decode")
        default = [film for film in known if film.disposition & Disposition.default]
        return (default or known)[0]

    def _survey(self) -> Survey:
        """Uses a second container: seeking back to the start is not exact in every format."""
        with self.source.open() as container:
            streams = [container.streams[stream.index] for stream in (self.video, *self.others)]
            return Survey(container, streams)

    def _pixel_aspect(self) -> Fraction:
        """The container's aspect ratio takes precedence, as in players."""
        aspect = self.video.sample_aspect_ratio or self._decoder.sample_aspect_ratio
        return aspect if aspect and Fraction(1, 100) < aspect < 100 else Fraction(1)

    def survey_of(self, stream: Stream) -> StreamSurvey:
        return self.survey.streams[stream.index]


def _times_text(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
