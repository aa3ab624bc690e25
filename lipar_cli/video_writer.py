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

VIDEO_CODECS = {".mp4": "libx264", ".mkv": "libx264", ".mov": "libx264", ".webm": "libvpx-vp9"}
AUDIO_CODECS = {".mp4": "aac", ".mkv": "aac", ".mov": "aac", ".webm": "libopus"}  # of audio that cannot be copied
QUICK = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"b:v": "0", "cpu-used": "5"}}
DEFAULT_AUDIO_RATE = 48_000


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
        if path.suffix.lower() not in VIDEO_CODECS:
            raise LiparError(f"output {path}: its name must end in {', '.join(VIDEO_CODECS)}")
        try:
            self.container: OutputContainer = av.open(str(self.part), "w")
        except (av.FFmpegError, ValueError, OSError) as error:
            self.part.unlink(missing_ok=True)
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise LiparError(f"output {path}: cannot be written ({why})") from error
        self.audio_note, self.damaged = "no audio", 0
        self._last_dts: int | None = None  # of copied audio, in the input's time base
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
            self._mux(self.video, None)
            if self.audio is not None and not self.copies_audio:
                self._reencode(None)
                self._mux(self.audio, None)
            self.container.close()
            self.part.replace(self.path)
        except (LiparError, av.FFmpegError, OSError) as failure:
            self._discard()
            raise self._failed(failure) from failure

    def write(self, picture: Picture, pts: int) -> None:
        """Encode a frame [height, width, 3] that is due at `pts`; raises `LiparError` when it cannot be written."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, self.time_base
        self._mux(self.video, frame)

    def write_audio(self, packet: "av.Packet[AudioStream]") -> None:
        """Take an audio packet of the input; raises `LiparError` when it cannot be written."""
        if self.audio is None:
            return
        if packet.is_corrupt:  # cut short, say, where the file ends early
            self.damaged += 1
            return
        if not self.copies_audio:
            self._reencode(packet)
            return
        assert packet.dts is not None
        if self._last_dts is not None and packet.dts <= self._last_dts:
            self.damaged += 1  # muxers refuse time that runs backwards
            return
        self._last_dts, packet.stream = packet.dts, self.audio
        try:
            self.container.mux(packet)
        except (av.FFmpegError, ValueError) as error:
            raise self._failed(error) from error

    def _reencode(self, packet: "av.Packet[AudioStream] | None") -> None:
        """Decode an audio packet and encode it anew; None gets the rest out of the decoder."""
        assert self.audio is not None and self._source_audio is not None
        try:
            decoded = self._source_audio.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in decoded:
            self._mux(self.audio, frame)

    def _mux(self, stream: "VideoStream | AudioStream", frame: "av.VideoFrame | av.AudioFrame | None") -> None:
        """Encode a frame, None for the last, and write what comes out."""
        try:
            self.container.mux(stream.encode(frame))  # type: ignore[arg-type]
        except (av.FFmpegError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> LiparError:
        if isinstance(error, LiparError):
            return error
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        return LiparError(f"output {self.path}: cannot be written ({why})")

    def _add_video(self, width: int, height: int, rate: Fraction, time_base: Fraction, crf: int) -> VideoStream:
        codec = VIDEO_CODECS[self.path.suffix.lower()]
        try:
            stream = self.container.add_stream(codec, rate=rate)
        except (av.FFmpegError, ValueError) as error:
            raise LiparError(f"output {self.path}: this machine cannot encode {codec} video ({error})") from error
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.options = {"crf": str(crf)} | QUICK[codec]
        stream.time_base = stream.codec_context.time_base = self.time_base = time_base
        return stream

    def _add_audio(self, source: AudioStream) -> AudioStream:
        """Copy the audio where the container takes its codec, else encode it anew."""
        self._source_audio = source
        name = source.codec_context.codec.canonical_name
        # Matroska's raw PCM lacks what the MP4 family wants to know of it, and few players take it there
        raw = name.startswith("pcm") and self.path.suffix.lower() != ".mkv"
        self.copies_audio = name in self.container.supported_codecs and not raw
        if self.copies_audio:
            self.audio_note = f"audio ({name}) copied"
            return self.container.add_stream_from_template(source)
        codec = AUDIO_CODECS[self.path.suffix.lower()]
        self.audio_note = f"audio ({name}) re-encoded as {codec}"
        rate = source.codec_context.sample_rate
        rates = av.Codec(codec, "w").audio_rates
        stream = self.container.add_stream(codec, rate=rate if not rates or rate in rates else DEFAULT_AUDIO_RATE)
        assert isinstance(stream, AudioStream)
        # surround sound is mixed down: its layouts differ from codec to codec
        stream.codec_context.layout = "mono" if source.codec_context.layout.nb_channels == 1 else "stereo"
        return stream

    def _discard(self) -> None:
        with contextlib.suppress(av.FFmpegError, ValueError, OSError):  # the file is thrown away whatever it says
            self.container.close()
        self.part.unlink(missing_ok=True)
