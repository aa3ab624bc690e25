"""Creates clips and decodes files for tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FileContent:
    """The decoded contents of a file."""

    frames: list[NDArray[np.uint8]]  # [H, W, 3] RGB
    times: list[float]  # seconds, of each frame
    codec: str
    audio_codec: str | None
    audio_seconds: float


def make_clip(
    path: Path,
    frames: int = 9,
    *,
    size: tuple[int, int] = (96, 64),
    rate: int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    audio: str | None = None,
    channels: str = "stereo",
    options: dict[str, str] | None = None,
) -> Path:
    """A bright square moving over a static gradient; with `audio`, a tone of the same length in that codec."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        if time_base is not None:
            video.time_base = video.codec_context.time_base = time_base
        tone = None
        if audio is not None:
            tone = container.add_stream(audio, rate=48_000)
            tone.codec_context.layout = channels
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(i, *size), format="rgb24")
            frame.pts = i if pts is None else pts[i]
            frame.time_base = time_base or Fraction(1, rate)
            container.mux(video.encode(frame.reformat(format=pix_fmt)))
            if tone is not None:
                container.mux(tone.encode(_sound(i, rate, channels)))
        container.mux(video.encode(None))
        if tone is not None:
            container.mux(tone.encode(None))
    return path


def make_sound(path: Path, codec: str = "aac") -> Path:
    """A file with one second of audio and no video."""
    with av.open(str(path), "w") as container:
        tone = container.add_stream(codec, rate=48_000)
        tone.codec_context.layout = "stereo"
        for i in range(25):
            container.mux(tone.encode(_sound(i, 25, "stereo")))
        container.mux(tone.encode(None))
    return path


def picture(i: int, width: int, height: int) -> NDArray[np.uint8]:
    """Frame i [H, W, 3]."""
    rows, cols = np.mgrid[:height, :width]
    out = np.stack([rows * 200 // height, cols * 200 // width, (rows + cols) % 200], axis=-1).astype(np.uint8)
    left = 3 * i % max(1, width - width // 4)
    out[height // 4 : height // 2, left : left + max(1, width // 4)] = 255
    return out


def read(path: Path) -> FileContent:
    """Decode a whole file."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        sounds = container.streams.audio
        frames, times, seconds = [], [], 0.0
        for packet in container.demux([video, *sounds[:1]]):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.append(frame.to_ndarray(format="rgb24"))
                    times.append(float(frame.pts * frame.time_base))
                else:
                    seconds += frame.samples / frame.sample_rate
        name = sounds[0].codec_context.codec.canonical_name if sounds else None
        return FileContent(frames, times, video.codec_context.codec.canonical_name, name, seconds)


def rotate_90(path: Path) -> Path:
    """Set an MP4's display matrix to a clockwise rotation by 90 degrees, as phones in portrait do."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes stand before the matrix
    clockwise = [0, 1, 0, -1, 0, 0, 0, 0, 1 << 14]
    data[matrix : matrix + 36] = b"".join((v << 16).to_bytes(4, "big", signed=True) for v in clockwise)
    path.write_bytes(data)
    return path


def _sound(i: int, rate: int, channels: str) -> av.AudioFrame:
    samples = 48_000 // rate
    clock = (np.arange(samples) + i * samples) / 48_000
    wave = (np.sin(2 * np.pi * 440 * clock) * 8000).astype(np.int16)
    count = {"mono": 1, "stereo": 2, "5.1": 6}[channels]
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, count)[None], format="s16", layout=channels)
    frame.sample_rate, frame.pts, frame.time_base = 48_000, i * samples, Fraction(1, 48_000)
    return frame
