"""The edited file: written beside its place under another name, moved there when it is whole."""

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from lipar_cli.video_reader import Picture
from lipar_core.errors import LiparError

VIDEO_CODECS = {".webm": "libvpx-vp9"}  # H.264 for all others
AUDIO_CODECS = {".webm": "libopus", ".ogg": "libopus"}  # AAC for all others


class VideoWriter:
    """Encodes frames with their own timestamps, copies or re-encodes audio. A failed run leaves nothing behind."""

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: Fraction,
        time_base: Fraction,
        audio: AudioStream | None,
        crf: int,
    ) -> None:
        """Raises `LiparError` when the file cannot be written there."""
        self.path, self.part = path, path.with_name(f".{path.stem}.part{path.suffix}")
        if not path.parent.is_dir():
            raise LiparError(f"output {path}: the folder {path.parent} does not exist")
        if path.is_dir():
            raise LiparError(f"output {path}: is a folder")
        try:
            self.container: OutputContainer = av.open(str(self.part), "w")
        except (av.FFmpegError, ValueError, OSError) as error:
            self.part.unlink(missing_ok=True)
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise LiparError(f"output {path}: cannot be written ({why}); use a name like out.mp4 or out.mkv") from error
        self.audio_note = "no audio"
        try:
            self.video = self._add_video(width, height, rate, time_base, crf)
            self.audio = self._add_audio(audio) if audio is not None else None
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self.container.mux(self.video.encode(None))
            if self.audio is not None and not self.copies_audio:
                self.container.mux(self.audio.encode(None))
            self.container.close()
            self.part.replace(self.path)
        except (av.FFmpegError, OSError) as failure:
            self._discard()
            raise LiparError(f"output {self.path}: cannot be finished ({failure})") from failure

    def write(self, picture: Picture, pts: int) -> None:
        """Encode a frame [height, width, 3] that is due at `pts`."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, self.time_base
        self.container.mux(self.video.encode(frame))

    def write_audio(self, packet: "av.Packet[AudioStream]") -> None:
        """Take an audio packet of the input."""
        if self.audio is None:
            return
        if self.copies_audio:
            packet.stream = self.audio
            self.container.mux(packet)
            return
        for frame in packet.decode():
            self.container.mux(self.audio.encode(frame))

    def _add_video(self, width: int, height: int, rate: Fraction, time_base: Fraction, crf: int) -> VideoStream:
        codec = VIDEO_CODECS.get(self.path.suffix.lower(), "libx264")
        try:
            stream = self.container.add_stream(codec, rate=rate)
        except (av.FFmpegError, ValueError) as error:
            raise LiparError(f"output {self.path}: {self.path.suffix} cannot hold {codec} video ({error})") from error
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        quick = {"preset": "veryfast"} if codec == "libx264" else {"b:v": "0", "cpu-used": "5"}
        stream.codec_context.options = {"crf": str(crf)} | quick
        stream.time_base = stream.codec_context.time_base = self.time_base = time_base
        return stream

    def _add_audio(self, source: AudioStream) -> AudioStream:
        """Copy the audio where the container takes its codec, else encode it anew."""
        self.copies_audio = source.codec_context.name in self.container.supported_codecs
        if self.copies_audio:
            self.audio_note = f"audio ({source.codec_context.name}) copied"
            return self.container.add_stream_from_template(source)
        codec = AUDIO_CODECS.get(self.path.suffix.lower(), "aac")
        self.audio_note = f"audio ({source.codec_context.name}) re-encoded as {codec}"
        rate = 48_000 if codec == "libopus" else source.codec_context.sample_rate
        stream = self.container.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = source.codec_context.layout
        return stream

    def _discard(self) -> None:
        with contextlib.suppress(av.FFmpegError, ValueError, OSError):  # the file is thrown away whatever it says
            self.container.close()
        self.part.unlink(missing_ok=True)
