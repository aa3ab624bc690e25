"""Which of a preset's sizes `lipar serve` shows where none is named. Never imports torch into its own process."""

import json
import subprocess
import sys
from dataclasses import dataclass

from lipar_core.config import Preset
from lipar_core.sizes import live_candidates, size_name
from lipar_core.weight_files import missing_weights

NEEDED_FPS = 32.0  # by the model alone: the browser, which shares the machine, leaves about half of it


@dataclass(frozen=True, slots=True)
class Measured:
    """The speed of one size on this machine."""

    size: str
    dtype: str
    fps: float


def choose_size(preset: Preset, path: str, device: str | None, dtype: str | None, threads: int | None) -> str:
    """The largest size that holds `NEEDED_FPS`, else the smallest; says in one line what was measured.

    `path` is what the preset was loaded from. Where nothing can be measured the model process will say why.
    """
    candidates = live_candidates(preset)
    if len(candidates) == 1 or missing_weights(preset):
        return size_name(preset)
    measured = _measure(candidates, path, device, dtype, threads)
    if not measured:
        return size_name(preset)
    print(report(measured), file=sys.stderr)
    return measured[-1].size


def report(measured: list[Measured]) -> str:
    """One line: what was chosen, and the rate of each size that was measured."""
    *larger, chosen = measured
    rest = "".join(f"; {one.size} {one.fps:.0f} fps" for one in larger)
    return f"lipar: picture {chosen.size}, {chosen.dtype}: {chosen.fps:.0f} fps alone, {NEEDED_FPS:.0f} needed{rest}"


def _measure(
    candidates: list[str], preset: str, device: str | None, dtype: str | None, threads: int | None
) -> list[Measured]:
    """From the largest on, until one is fast enough; measured in a process of its own."""
    given = {"--device": device, "--dtype": dtype, "--threads": threads}
    flags = [str(part) for flag, value in given.items() if value is not None for part in (flag, value)]
    command = [sys.executable, "-m", "lipar_cli.probe", preset, *candidates, "--needed", str(NEEDED_FPS), *flags]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        print("lipar: the speed of this machine could not be measured", file=sys.stderr)
        return []
    return [Measured(**json.loads(line)) for line in run.stdout.splitlines()]
