"""Creates unusual video files, and re-encodes files through reader and writer without a model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from lipar_video.reader import SourceFrame, VideoReader
from lipar_video.writer import VideoWriter

Picture = NDArray[np.uint8]
SIZE = (96, 64)
EXACT = 0x20 | 0x2000 | 0x4000 | 0x40000  # swscale's flags: area, full chroma twice, accurate rounding


@dataclass(frozen=True)
class Reencoded:
    """The decoded output file, and the printed notes."""

    path: Path
    frames: list[Picture]
    times: list[float]
    seconds: float  # of the whole file
    sounds: list[tuple[str, float, float]]  # codec, start and length of each audio track
    output_text: str


def reencode(
    source: Path, out: Path, *, size: tuple[int, int] = SIZE, fit: str = "stretch", location: bool = False
) -> Reencoded:
    """The source as `rewrite` writes it."""
    return found(out, rewrite(source, out, size=size, fit=fit, location=location))


def rewrite(
    source: Path, out: Path, *, size: tuple[int, int] = SIZE, fit: str = "stretch", location: bool = False
) -> str:
    """Re-encode as `lipar edit` would with an identity model; returns the printed notes."""
    with VideoReader(source, *size, fit, out.parent) as reader:
        with VideoWriter(out, *size, reader.timing.rate, reader.timing.time_base, crf=1) as writer:
            writer.add_tracks(reader, location)
            for item in reader:
                if isinstance(item, SourceFrame):
                    writer.write(item.picture, item.pts, item.duration)
                else:
                    writer.write_packet(item)
        damaged = f"{reader.damaged + writer.damaged} damaged packets"
        output_text = [*reader.notes, *reader.losses, *writer.losses, writer.audio_note, damaged]
    return "\n".join(output_text)


def found(path: Path, output_text: str = "") -> Reencoded:
    """All of a file, decoded."""
    frames, times = [], []
    sounds: dict[int, list[av.AudioFrame]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux([container.streams.video[0], *container.streams.audio]):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.append(frame.reformat(format="rgb24", interpolation=EXACT).to_ndarray())
                    times.append(frame.time)
                else:
                    sounds.setdefault(packet.stream.index, []).append(frame)
        tracks = [
            (s.codec_context.codec.canonical_name, parts[0].time, sum(f.samples / f.sample_rate for f in parts))
            for s in container.streams.audio
            if (parts := sounds.get(s.index))
        ]
        return Reencoded(path, frames, times, (container.duration or 0) / 1e6, tracks, output_text)


def make_video(
    path: Path,
    pictures: Sequence[Picture],
    *,
    rate: int = 25,
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    audio: str | None = None,
    audio_rate: int = 48_000,
    layout: str = "mono",
    options: Mapping[str, str] | None = None,
    adjust: Callable[[av.VideoStream], None] = lambda stream: None,
) -> Path:
    """Pictures [H, W, 3 or 4] as a video; with `audio`, a tone of the same length in that codec."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", container_options={"avoid_negative_ts": "disabled"}) as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = width, height, pix_fmt
        video.codec_context.options = dict(options or {})
        if time_base is not None:
            video.time_base = video.codec_context.time_base = time_base
        adjust(video)
        tone = None
        if audio is not None:
            tone = container.add_stream(audio, rate=audio_rate)
            tone.codec_context.layout = layout
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.shape[2] == 3 else "rgba")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = i if pts is None else pts[i], time_base or Fraction(1, rate)
            container.mux(video.encode(frame))
            if tone is not None:
                container.mux(tone.encode(tone_of(i, audio_rate, rate, layout)))
        container.mux(video.encode(None))
        if tone is not None:
            container.mux(tone.encode(None))
    return path


def tone_of(i: int, audio_rate: int, rate: int, layout: str) -> av.AudioFrame:
    """The sound of frame i."""
    samples = audio_rate // rate
    wave = (np.sin(2 * np.pi * 440 * (np.arange(samples) + i * samples) / audio_rate) * 8000).astype(np.int16)
    channels = av.AudioLayout(layout).nb_channels
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, channels)[None], format="s16", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = audio_rate, i * samples, Fraction(1, audio_rate)
    return frame


def make_planes(path: Path, planes: Sequence[NDArray], pix_fmt: str, **tags: int) -> Path:
    """A video of two frames with exactly these plane values, in FFV1, with colour tags."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.height, video.width = planes[0].shape
        video.pix_fmt = pix_fmt
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        for i in range(2):
            frame = av.VideoFrame(video.width, video.height, pix_fmt)
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.zeros((values.shape[0], plane.line_size // values.itemsize), values.dtype)
                rows[:, : values.shape[1]] = values
                plane.update(rows)
            for name, value in tags.items():
                setattr(frame, name, value)
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def flat(colour: Sequence[int], size: tuple[int, int] = SIZE) -> Picture:
    """A picture [H, W, C] of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (size[1], size[0], len(colour))).copy()


def moving(count: int, size: tuple[int, int] = SIZE) -> list[Picture]:
    """Pictures with moving texture, so that the codec produces large packets."""
    width, height = size
    texture = np.random.default_rng(0).integers(0, 255, (height // 4, (width + 4 * count) // 4, 3), dtype=np.uint8)
    wide = texture.repeat(4, 0).repeat(4, 1)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + width]) for i in range(count)]


def set_display_matrix(path: Path, linear: Sequence[int]) -> Path:
    """Write the linear part a, b, c, d of the display matrix into an MP4's first track."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes stand before the matrix
    a, b, c, d = linear
    values = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    data[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(data)
    return path
