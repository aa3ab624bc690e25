"""What `lipar bench` measures. Variants take turns block by block, so that background load affects all equally."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.errors import LiparError
from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_core.stream.output import BlockReport
from lipar_eval.block_counters import BlockCounters, session_block
from lipar_eval.clips import read_clip

WARMUP_BLOCKS = 3  # blocks of each variant, not measured
DETECTORS = ("anchor", "lipar")
TRANSFORMER = ("denoise", "clean")  # the stages that pruning shortens


@dataclass(slots=True)
class Variant:
    """One configuration and its measurements."""

    name: str
    session: EditSession[int]
    times_ms: list[float] = field(default_factory=list)
    reports: list[BlockReport] = field(default_factory=list)

    def counters(self, frames: Tensor) -> BlockCounters:
        """Of one more block [N, 3, H, W]."""
        return session_block(self.session, frames)

    def run(self, frames: Tensor, *, is_measured: bool) -> None:
        """Edit one block [N, 3, H, W]."""
        started = time.perf_counter()
        edited = self.session.push(frames, range(len(frames)))
        edited.frames.sum().item()  # waits for the device
        if is_measured:
            self.times_ms.append((time.perf_counter() - started) * 1000)
            self.reports += edited.blocks

    def block_ms(self) -> tuple[float, float, float]:
        """Minimum, median, maximum."""
        return min(self.times_ms), statistics.median(self.times_ms), max(self.times_ms)

    def fps(self) -> float:
        return self.session.stream.frames_per_block / statistics.median(self.times_ms) * 1000

    def kept(self) -> float:
        return statistics.mean(report.keep_ratio for report in self.reports)

    def stages(self) -> dict[str, float]:
        """Median milliseconds per block, by stage."""
        each = [report.stage_ms for report in self.reports]
        return {stage: statistics.median(ms[stage] for ms in each) for stage in each[0]}

    def transformer_ms(self) -> float:
        return statistics.median(sum(report.stage_ms[stage] for stage in TRANSFORMER) for report in self.reports)

    def to_json(self) -> dict[str, object]:
        """The measurements as JSON-ready values."""
        low, middle, high = self.block_ms()
        spread = {"min": low, "median": middle, "max": high}
        return {
            "variant": self.name,
            "kept": self.kept(),
            "fps": self.fps(),
            "block_ms": spread,
            "stage_ms": self.stages(),
            "transformer_ms": self.transformer_ms(),
        }


def forced_ratios(models: Models, ratios: Sequence[float], blocks: int) -> list[Variant]:
    """Variants with given keep ratios: fixed random masks, unpruned first."""
    variants = [_forced_variant(models, ratio) for ratio in ratios]
    frames = random_block(models)
    interleave(variants, lambda _: frames, blocks)
    return variants


def random_block(models: Models) -> Tensor:
    """Frames of a block [N, 3, H, W]."""
    stream = models.preset.stream
    generator = torch.Generator().manual_seed(0)
    return torch.rand(stream.frames_per_block, 3, stream.height, stream.width, generator=generator)


def pruning_by_detector(models: Models, path: Path, blocks: int) -> list[Variant]:
    """A clip unpruned and pruned by each detector, with the preset's thresholds."""
    parameters = default_parameters(models.preset)

    def variant(name: str, **pruning: object) -> Variant:
        changed = replace(parameters, pruning=replace(parameters.pruning, **pruning))
        return Variant(name, EditSession(models, changed))

    variants = [variant("off", enabled=False), *(variant(name, detector=name) for name in DETECTORS)]
    clip = read_clip(path, models).frames
    size = models.preset.stream.frames_per_block
    count = len(clip) // size
    if not count:
        raise LiparError(f"clip {path}: has {len(clip)} frames, a block takes {size}")
    interleave(variants, lambda block: clip[block % count * size :][:size], blocks)
    return variants


def _forced_variant(models: Models, ratio: float) -> Variant:
    stream = models.preset.stream
    generator = torch.Generator().manual_seed(1)
    order = torch.rand(stream.block_frames, stream.rows, stream.cols, generator=generator)
    keep = order <= order.flatten().kthvalue(max(1, round(ratio * order.numel()))).values
    return Variant(f"keep {ratio:.2f}", EditSession(models, force_keep=lambda _: keep))


def interleave(variants: list[Variant], block: Callable[[int], Tensor], blocks: int) -> None:
    """A B B A ...: each pair of rounds visits the variants forwards, then backwards."""
    for i in range(WARMUP_BLOCKS + blocks):
        for variant in variants if i % 2 == 0 else reversed(variants):
            variant.run(block(i), is_measured=i >= WARMUP_BLOCKS)
