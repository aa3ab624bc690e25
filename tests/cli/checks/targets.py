"""Targets for tests of the checks."""

from lipar_cli.checks.target import Target
from lipar_core.config import Preset
from lipar_core.presets import load_preset
from server.settings import Settings


def target(preset: str | Preset = "tiny", vram_gb: float | None = None, **settings: object) -> Target:
    found = load_preset(preset) if isinstance(preset, str) else preset
    return Target(settings=Settings(**settings), preset=found, vram_gb=vram_gb)  # type: ignore[arg-type]
