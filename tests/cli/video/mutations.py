"""Mutations of video files: bits flipped, parts removed, duplicated, moved or overwritten."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.cli.video.video_files import make_video, moving

Random = np.random.Generator
SIZE = (96, 64)
FRAMES = 12
# container, video codec, pixel format, audio codec; not FFV1: FFmpeg takes zeros there for a picture
SEEDS = [
    ("mp4", "libx264", "yuv420p", "aac"),
    ("mov", "mjpeg", "yuvj420p", "pcm_s16le"),
    ("mkv", "libx265", "yuv420p", "flac"),
    ("webm", "libvpx-vp9", "yuv420p", "libopus"),
    ("ts", "mpeg2video", "yuv420p", "mp2"),
    ("avi", "mpeg4", "yuv420p", "libmp3lame"),
    ("flv", "libx264", "yuv420p", "aac"),
    ("gif", "gif", "rgb8", None),
    ("mov", "png", "rgb24", None),
    ("mxf", "mpeg2video", "yuv422p", "pcm_s16le"),
    ("mkv", "libvpx", "yuv420p", "ac3"),
]


OPTIONS = {
    "libx265": {"x265-params": "log-level=none"},
}


def make_seeds(folder: Path) -> list[Path]:
    """One video per container and codec."""
    paths = []
    for i, (container, codec, pix_fmt, audio) in enumerate(SEEDS):
        options = OPTIONS.get(codec, {"g": "6"})
        path = folder / f"{i}.{container}"
        make_video(path, moving(FRAMES, SIZE), codec=codec, pix_fmt=pix_fmt, audio=audio, options=options)
        paths.append(path)
    return paths


def flip_bits(data: bytearray, random: Random) -> None:
    for at in random.integers(0, len(data), random.integers(1, 40)):
        data[at] ^= 1 << random.integers(8)


def flip_header(data: bytearray, random: Random) -> None:
    for at in random.integers(0, min(len(data), 600), random.integers(1, 8)):
        data[at] = random.integers(256)


def flip_end(data: bytearray, random: Random) -> None:
    """Changes bytes at the end, where MP4 stores its index."""
    for at in random.integers(max(0, len(data) - 1500), len(data), random.integers(1, 12)):
        data[at] = random.integers(256)


def cut_off(data: bytearray, random: Random) -> None:
    del data[random.integers(len(data)) :]


def blank(data: bytearray, random: Random) -> None:
    begin, end = _part(data, random)
    data[begin:end] = bytes(end - begin)


def noise(data: bytearray, random: Random) -> None:
    begin, end = _part(data, random)
    data[begin:end] = random.integers(0, 256, end - begin, dtype=np.uint8).tobytes()


def remove(data: bytearray, random: Random) -> None:
    begin, end = _part(data, random)
    del data[begin:end]


def double(data: bytearray, random: Random) -> None:
    begin, end = _part(data, random)
    data[end:end] = data[begin:end]


def swap(data: bytearray, random: Random) -> None:
    begin, end = _part(data, random)
    middle = (begin + end) // 2
    data[begin:end] = data[middle:end] + data[begin:middle]


def _part(data: bytearray, random: Random) -> tuple[int, int]:
    begin = int(random.integers(len(data)))
    return begin, min(len(data), begin + int(random.integers(1, max(2, len(data) // 4))))


MUTATIONS: list[Callable[[bytearray, Random], None]] = [
    flip_bits,
    flip_header,
    flip_end,
    cut_off,
    blank,
    noise,
    remove,
    double,
    swap,
]


def mutate(data: bytes, number: int) -> bytes:
    """The n-th of the mutations, drawn from its number."""
    mutated = bytearray(data)
    MUTATIONS[number % len(MUTATIONS)](mutated, np.random.default_rng(number))
    return bytes(mutated)
