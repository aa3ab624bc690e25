"""The picture sizes of a preset, by name: WIDTHxHEIGHT. Never imports torch."""

import re

from msgspec.structs import replace

from lipar_core.config import Preset
from lipar_core.errors import ConfigError


def size_names(preset: Preset) -> list[str]:
    """All sizes of a preset."""
    return [f"{width}x{height}" for width, height in preset.stream.sizes] or [size_name(preset)]


def size_name(preset: Preset) -> str:
    """The size that a preset runs at."""
    return f"{preset.stream.width}x{preset.stream.height}"


def with_size(preset: Preset, size: str | None) -> Preset:
    """The preset at another of its sizes (None: its default); raises `ConfigError` that lists the allowed ones."""
    if size is None:
        return preset
    names = size_names(preset)
    parsed = re.fullmatch(r"(\d+)\s*[xX×]\s*(\d+)", size.strip())
    if parsed is None or f"{int(parsed[1])}x{int(parsed[2])}" not in names:
        raise ConfigError(f"size = {size!r}: preset {preset.name} has {', '.join(names)} (width x height)")
    stream = replace(preset.stream, width=int(parsed[1]), height=int(parsed[2]))
    return replace(preset, stream=stream)


def live_candidates(preset: Preset) -> list[str]:
    """Sizes for live streams, largest first: those with the orientation of the preset's default size."""
    tall = preset.stream.height > preset.stream.width
    pairs = [tuple(map(int, name.split("x"))) for name in size_names(preset)]
    chosen = sorted((pair for pair in pairs if (pair[1] > pair[0]) == tall), key=lambda pair: -pair[0] * pair[1])
    return [f"{width}x{height}" for width, height in chosen]
