"""Writes the edited file: encoded pictures with their timestamps, audio and subtitles."""

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from lipar_core.colour_tags import BT709, FULL, LIMITED
from lipar_core.errors import LiparError
from lipar_video.audio import AudioTrack, add_audio
from lipar_video.error_text import error_reason
from lipar_video.file_tags import (
    MAX_TIMECODE_FPS,
    copy_file_tags,
    copy_stream_tags,
    drop_timecode,
    has_location,
)
from lipar_video.muxers import muxer_for
from lipar_video.output_file import OutputFile
from lipar_video.packets import OrderedMuxer
from lipar_video.picture_filter import Picture
from lipar_video.reader import VideoReader
from lipar_video.subtitles import SubtitleTrack, add_subtitles
from lipar_video.survey import StreamSurvey

# No B-frames: MP4 stores exact times and durations only if frames are in presentation order.
ENCODER_OPTIONS = {"libx264": {"preset": "veryfast", "bf": "0"}, "libvpx-vp9": {"b:v": "0", "cpu-used": "5"}}
AREA, FULL_CHROMA_INTERPOLATION, FULL_CHROMA_INPUT, ACCURATE = 0x20, 0x2000, 0x4000, 0x40000  # swscale's flags
SCALER_FLAGS = AREA | FULL_CHROMA_INTERPOLATION | FULL_CHROMA_INPUT | ACCURATE


class VideoWriter:
    """Encodes frames and muxes the reader's other packets. A failed run leaves no file."""

    def __init__(self, path: Path, width: int, height: int, rate: Fraction, time_base: Fraction, crf: int) -> None:
        """Raises `LiparError` if the file cannot be written."""
        self.path = path
        self.muxer = muxer_for(path)
        self.time_base = time_base
        self.file = OutputFile(path)
        self.losses: list[str] = []  # contents of the input that are left out
        self._tracks: dict[int, AudioTrack | SubtitleTrack] = {}
        self._durations: dict[int, int] = {}
        self._reformatter = VideoReformatter()
        try:
            self.container: OutputContainer = av.open(f"file:{self.file.part}", "w", format=self.muxer.name)
            self.video = self._add_video(width, height, rate, crf)
        except BaseException as error:
            self._discard()
            raise self._user_error(error) from error
        self._video_order = OrderedMuxer(self.container, self.video)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._encode(None)
            for track in self._audio:
                track.finish()
            self.container.close()
            self.file.publish()
        except BaseException as failure:
            self._discard()
            raise self._user_error(failure) from failure

    @property
    def damaged(self) -> int:
        return sum(track.damaged for track in self._tracks.values())

    @property
    def audio_note(self) -> str:
        return ", ".join(track.note for track in self._audio) or "no audio"

    @property
    def _audio(self) -> list[AudioTrack]:
        return [track for track in self._tracks.values() if not isinstance(track, SubtitleTrack)]

    def add_tracks(self, reader: VideoReader, keep_location: bool) -> None:
        """Add tracks for the reader's audio and subtitles, chapters and tags; call before the first `write`."""
        try:
            for source in reader.others:
                self._add_track(source, reader.survey_of(source))
            self._copy_tags(reader, keep_location)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise self._user_error(error) from error

    def write(self, picture: Picture, pts: int, duration: int) -> None:
        """Encode a frame [height, width, 3]; raises `LiparError` if it cannot be written."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = self._reformatter.reformat(
            frame,
            format="yuv420p",
            interpolation=SCALER_FLAGS,
            dst_colorspace=BT709,
            src_color_range=FULL,
            dst_color_range=LIMITED,
        )
        frame.color_primaries = frame.color_trc = BT709
        frame.pts, frame.time_base = pts, self.time_base
        self._durations[pts] = duration
        try:
            self._encode(frame)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise self._user_error(error) from error

    def write_packet(self, packet: "av.Packet[Stream]") -> None:
        """Write a packet of the input's audio or subtitles; raises `LiparError` if it cannot be written."""
        track = self._tracks.get(packet.stream.index)
        if track is None:
            return
        try:
            track.write(packet)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise self._user_error(error) from error

    def _encode(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame (None flushes) and write the packets."""
        for packet in self.video.encode(frame):
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, 0)
            self._video_order.mux(packet)

    def _user_error(self, error: BaseException) -> BaseException:
        """The error as a `LiparError`, if it is a write error."""
        if isinstance(error, LiparError) or not isinstance(error, (av.FFmpegError, ValueError, OSError)):
            return error
        return LiparError(f"output {self.path}: cannot be written ({error_reason(error)})")

    def _add_video(self, width: int, height: int, rate: Fraction, crf: int) -> VideoStream:
        try:
            stream = self.container.add_stream(self.muxer.video, rate=rate.limit_denominator(1 << 16))
        except (av.FFmpegError, ValueError) as error:
            raise LiparError(
                f"output {self.path}: this machine cannot encode {self.muxer.video} video ({error_reason(error)})"
            ) from error
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width = width
        context.height = height
        context.pix_fmt = "yuv420p"
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        context.options = {"crf": str(crf)} | ENCODER_OPTIONS[self.muxer.video]
        stream.time_base = context.time_base = self.time_base
        return stream

    def _add_track(self, source: Stream, survey: StreamSurvey) -> None:
        track: AudioTrack | SubtitleTrack | str
        if isinstance(source, AudioStream):
            track = add_audio(self.container, self.muxer, source, survey)
        else:
            assert isinstance(source, SubtitleStream)
            track = add_subtitles(self.container, self.muxer, source, survey)
        if isinstance(track, str):
            self.losses.append(track)
        else:
            self._tracks[source.index] = track

    def _copy_tags(self, reader: VideoReader, keep_location: bool) -> None:
        copy_file_tags(reader.container, self.container, reader.shift, keep_location)
        copy_stream_tags(reader.video, self.video, keep_location)
        for source in reader.others:
            if source.index in self._tracks:
                copy_stream_tags(source, self._tracks[source.index].stream, keep_location)
        if reader.timing.rate > MAX_TIMECODE_FPS and drop_timecode(self.container):
            self.losses.append("timecode left out: it does not support this frame rate")
        if has_location(reader.container) and not keep_location:
            self.losses.append("recording location left out (--keep-location keeps it)")

    def _discard(self) -> None:
        if hasattr(self, "container"):
            with contextlib.suppress(av.FFmpegError, ValueError, OSError):  # the file is discarded anyway
                self.container.close()
        self.file.discard()
