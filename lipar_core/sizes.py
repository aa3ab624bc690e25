"""The picture sizes of a preset, by name: WIDTHxHEIGHT. Never imports torch."""

import re

from msgspec.structs import replace

from lipar_core.config import Preset, StreamConfig
from lipar_core.errors import ParameterError


def size_names(preset: Preset) -> list[str]:
    """All sizes of a preset."""
    return [f"{width}x{height}" for width, height in preset.stream.sizes] or [size_name(preset.stream)]


def size_name(stream: StreamConfig) -> str:
    """The size of a stream's picture."""
    return f"{stream.width}x{stream.height}"


def stream_at(preset: Preset, size: str | None) -> StreamConfig:
    """A stream at one of the preset's sizes (None: its default); raises `ParameterError` that lists them."""
    if size is None:
        return preset.stream
    names = size_names(preset)
    parsed = re.fullmatch(r"(\d+)\s*[xX×]\s*(\d+)", size.strip())
    if parsed is None or f"{int(parsed[1])}x{int(parsed[2])}" not in names:
        raise ParameterError("size", size, f"preset {preset.name} has {', '.join(names)} (width x height)")
    return replace(preset.stream, width=int(parsed[1]), height=int(parsed[2]))


def with_size(preset: Preset, size: str | None) -> Preset:
    """The preset with another of its sizes as its default (None: unchanged); raises like `stream_at`."""
    return preset if size is None else replace(preset, stream=stream_at(preset, size))


def live_candidates(preset: Preset) -> list[str]:
    """Sizes for live streams, largest first: those with the orientation of the preset's default size."""
    tall = preset.stream.height > preset.stream.width
    pairs = [tuple(map(int, name.split("x"))) for name in size_names(preset)]
    chosen = sorted((pair for pair in pairs if (pair[1] > pair[0]) == tall), key=lambda pair: -pair[0] * pair[1])
    return [f"{width}x{height}" for width, height in chosen]
