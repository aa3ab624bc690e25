"""Any video file as frames of the model's size."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Disposition, Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from lipar_core.errors import LiparError

Picture = NDArray[np.uint8]  # [height, width, 3] RGB
Fit = Literal["crop", "fit", "stretch"]
DEFAULT_RATE = Fraction(25)  # of a file that doesn't say


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A decoded frame, upright and cut to size, with its timestamp in the stream's time base."""

    picture: Picture
    pts: int


class VideoReader:
    """Demuxes a file: video frames decoded and fitted, audio packets as they are, in file order."""

    def __init__(self, path: Path, width: int, height: int, fit: Fit) -> None:
        """Raises `LiparError` when the file cannot be read or has no video."""
        self.path, self.width, self.height, self.fit = path, width, height, fit
        if not path.is_file():
            raise LiparError(f"input {path}: {'is a folder' if path.is_dir() else 'no such file'}")
        if path.stat().st_size == 0:
            raise LiparError(f"input {path}: the file is empty")
        try:
            self.container = av.open(str(path))
        except (av.FFmpegError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise LiparError(f"input {path}: not a video file that can be read ({why})") from error
        films = [video for video in self.container.streams.video if not video.disposition & Disposition.attached_pic]
        if not films:
            self.container.close()
            raise LiparError(f"input {path}: there is no video in it")
        self.video: VideoStream = films[0]
        self.video.thread_type = "AUTO"
        self.audio: AudioStream | None = next(iter(self.container.streams.audio), None)
        self.frames = self.damaged = 0
        self.source_size: tuple[int, int] | None = None  # upright, known with the first frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    @property
    def time_base(self) -> Fraction:
        return self.video.time_base or 1 / self.rate

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        return self.video.average_rate or self.video.guessed_rate or DEFAULT_RATE

    @property
    def announced_frames(self) -> int:
        """How many frames the file's header counts, 0 if it doesn't."""
        return self.video.frames

    @property
    def expected_frames(self) -> int | None:
        """How many frames there will be, if the file says."""
        if self.announced_frames:
            return self.announced_frames
        seconds = self.container.duration / av.time_base if self.container.duration else None
        return round(seconds * self.rate) if seconds else None

    def __iter__(self) -> Iterator["SourceFrame | av.Packet[AudioStream]"]:
        """Source frames and audio packets. A damaged packet is skipped and counted; no frame at all is an error."""
        last: int | None = None
        for packet in self._packets():
            if packet is not None and packet.stream is self.audio:
                if packet.dts is not None:
                    yield cast("av.Packet[AudioStream]", packet)
                continue
            try:
                decoded = self.video.codec_context.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in decoded:
                pts = self._pts(frame, last)
                last = pts
                self.frames += 1
                yield SourceFrame(self._fitted(frame), pts)
        if not self.frames:
            raise LiparError(f"input {self.path}: no frame of its video could be decoded")

    def _packets(self) -> "Iterator[av.Packet[Stream] | None]":
        """The file's packets, an empty one of each stream at its end; None where it cannot be read on."""
        try:
            yield from self.container.demux([self.video] if self.audio is None else [self.video, self.audio])
        except av.FFmpegError:
            self.damaged += 1
            yield None

    def _pts(self, frame: av.VideoFrame, last: int | None) -> int:
        """The frame's timestamp; missing or backward ones continue from the last."""
        step = max(1, round(1 / (self.rate * self.time_base)))
        if frame.pts is None:
            return 0 if last is None else last + step
        return frame.pts if last is None or frame.pts > last else last + 1

    def _fitted(self, frame: av.VideoFrame) -> Picture:
        turns = round(frame.rotation / 90) % 4  # of the display matrix, counter-clockwise
        wide, tall = (frame.height, frame.width) if turns % 2 else (frame.width, frame.height)
        self.source_size = (wide, tall)
        target = (self.width, self.height)
        if self.fit != "stretch":
            choose = max if self.fit == "crop" else min
            scale = choose(self.width / wide, self.height / tall)
            target = (max(1, round(wide * scale)), max(1, round(tall * scale)))
        stored = target[::-1] if turns % 2 else target
        picture = frame.reformat(*stored, format="rgb24", interpolation="AREA").to_ndarray()
        return _placed(np.rot90(picture, turns), self.width, self.height)


def describe_fit(source: tuple[int, int], width: int, height: int, fit: Fit) -> str:
    """One line on what happens to the picture's size."""
    wide, tall = source
    said = f"{wide}x{tall} -> {width}x{height}"
    if wide * height == tall * width:
        return f"{said}, scaled"
    return (
        said
        + {
            "crop": ", scaled and cropped around the middle (--fit fit keeps all of it, with bars)",
            "fit": ", scaled, with black bars",
            "stretch": ", stretched",
        }[fit]
    )


def _placed(picture: Picture, width: int, height: int) -> Picture:
    """The middle of a picture that is too large, bars around one that is too small."""
    tall, wide = picture.shape[:2]
    top, left = max(0, (tall - height) // 2), max(0, (wide - width) // 2)
    cut = picture[top : top + height, left : left + width]
    if cut.shape[:2] == (height, width):
        return np.ascontiguousarray(cut)
    out = np.zeros((height, width, 3), np.uint8)
    y, x = (height - cut.shape[0]) // 2, (width - cut.shape[1]) // 2
    out[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    return out
