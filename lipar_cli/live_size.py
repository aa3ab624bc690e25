"""Chooses the picture size of `lipar serve` if none is given. Never imports torch into this process."""

import json
import subprocess
import sys
from dataclasses import dataclass

from lipar_core.config import Preset
from lipar_core.sizes import live_candidates, size_name
from lipar_core.weight_files import missing_weights

REQUIRED_FPS = 32.0  # of the model alone: a browser on the same machine takes about half of it


@dataclass(frozen=True, slots=True)
class SizeMeasurement:
    """The measured speed of one size."""

    size: str
    dtype: str
    fps: float


def choose_size(preset: Preset, path: str, device: str | None, dtype: str | None, threads: int | None) -> str:
    """The largest size that reaches `REQUIRED_FPS`, else the smallest; prints the measurements in one line.

    `path`: of the preset. If the measurement fails, the model process will report why.
    """
    candidates = live_candidates(preset)
    if len(candidates) == 1 or missing_weights(preset):
        return size_name(preset.stream)
    measured = _measure(candidates, path, device, dtype, threads)
    if not measured:
        return size_name(preset.stream)
    print(report(measured), file=sys.stderr)
    return measured[-1].size


def report(measured: list[SizeMeasurement]) -> str:
    """One line: the chosen size, and the rate of each measured size."""
    *larger, chosen = measured
    rest = "".join(f"; {measurement.size} {measurement.fps:.0f} fps" for measurement in larger)
    return (
        f"lipar: picture {chosen.size}, {chosen.dtype}: {chosen.fps:.0f} fps alone, {REQUIRED_FPS:.0f} required{rest}"
    )


def _measure(
    candidates: list[str], preset: str, device: str | None, dtype: str | None, threads: int | None
) -> list[SizeMeasurement]:
    """Measure from the largest size down until one is fast enough, in a separate process."""
    options = {"--device": device, "--dtype": dtype, "--threads": threads}
    flags = [str(part) for flag, value in options.items() if value is not None for part in (flag, value)]
    command = [sys.executable, "-m", "lipar_cli.probe", preset, *candidates, "--needed", str(REQUIRED_FPS), *flags]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        print("lipar: the speed of this machine could not be measured", file=sys.stderr)
        return []
    return [SizeMeasurement(**json.loads(line)) for line in run.stdout.splitlines()]
