"""What `lipar bench` measures. Variants take turns block by block, so that background load affects all equally."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.errors import LiparError
from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_core.stream.output import BlockReport, EditedFrames
from lipar_eval.block_counters import BlockCounters, session_block
from lipar_eval.clips import read_clip
from lipar_eval.gate import GATED_BLOCKS, Gate, stream_gate
from lipar_eval.summary import p99

WARMUP_BLOCKS = 3  # blocks of each variant, not measured
DETECTORS = ("anchor", "lipar")
TRANSFORMER = ("denoise", "clean")  # the stages that pruning shortens


@dataclass(slots=True)
class Variant:
    """One configuration and its measurements. Variants may share a session, whose configuration `context` changes."""

    name: str
    session: EditSession[int]
    context: Callable[[], AbstractContextManager[object]] = nullcontext  # of each of its blocks
    gate: Gate | None = None  # before it was timed; None: there is no reference
    in_row: int = 1  # blocks between two waits for the device
    times_ms: list[float] = field(default_factory=list)
    reports: list[BlockReport] = field(default_factory=list)
    stage_ms: list[dict[str, float]] = field(default_factory=list)

    def counters(self, frames: Tensor) -> BlockCounters:
        """Of one more block [N, 3, H, W]."""
        with self.context():
            return session_block(self.session, frames)

    def run(self, frames: Tensor, *, is_measured: bool) -> None:
        """Edit one block [N, 3, H, W], `in_row` times, with all clean passes; its time is that of one."""
        started = time.perf_counter()
        with self.context():
            for _ in range(self.in_row - 1):
                self.session.push(frames, range(len(frames)))
                self.session.finish_block()
            edited = edit_to_end(self.session, frames)
        if is_measured:
            self.times_ms.append((time.perf_counter() - started) * 1000 / self.in_row)
            self.reports += edited.blocks
            clean = self.session.state.clean_watch
            assert clean is not None
            self.stage_ms.append(edited.blocks[-1].stopwatch.stage_ms() | clean.stage_ms())

    @property
    def passed(self) -> bool:
        return self.gate is None or self.gate.passed

    def block_ms(self) -> tuple[float, float, float]:
        """Minimum, median, maximum."""
        return min(self.times_ms), statistics.median(self.times_ms), max(self.times_ms)

    def p99_ms(self) -> float:
        return p99(self.times_ms)

    def fps(self) -> float:
        return self.session.stream.frames_per_block / statistics.median(self.times_ms) * 1000

    def kept(self) -> float:
        return statistics.mean(report.keep_ratio for report in self.reports)

    def stages(self) -> dict[str, float]:
        """Median milliseconds per block, by stage."""
        return {stage: statistics.median(ms[stage] for ms in self.stage_ms) for stage in self.stage_ms[0]}

    def transformer_ms(self) -> float:
        return statistics.median(sum(ms[stage] for stage in TRANSFORMER) for ms in self.stage_ms)

    def to_json(self) -> dict[str, object]:
        """The measurements as JSON-ready values; of a wrong variant no times."""
        row = {"variant": self.name, "kept": self.kept(), "gate": None if self.gate is None else self.gate.to_json()}
        if not self.passed:
            return row
        low, middle, high = self.block_ms()
        spread = {"min": low, "median": middle, "p99": self.p99_ms(), "max": high}
        return row | {
            "fps": self.fps(),
            "block_ms": spread,
            "stage_ms": self.stages(),
            "transformer_ms": self.transformer_ms(),
        }


def forced_ratios(models: Models, ratios: Sequence[float], blocks: int) -> list[Variant]:
    """Variants with given keep ratios, of one session: fixed random masks, unpruned first."""
    masks = ForcedMasks(models)
    frames = random_block(models)
    gates = [forced_gate(models, masks, ratio, frames) for ratio in ratios]
    session: EditSession[int] = EditSession(models, force_keep=masks)
    variants = [
        Variant(f"keep {ratio:.2f}", session, partial(masks.use, ratio), gate)
        for ratio, gate in zip(ratios, gates, strict=True)
    ]
    interleave(variants, lambda _: frames, blocks)
    return variants


def forced_gate(models: Models, masks: "ForcedMasks", ratio: float, frames: Tensor) -> Gate | None:
    with masks.use(ratio):
        return stream_gate(models, default_parameters(models.preset), [frames] * GATED_BLOCKS, masks)


def affine_fit(variants: Sequence[Variant]) -> tuple[float, float]:
    """t0 and t1 of milliseconds per block = t0 + t1 x keep ratio."""
    fit = statistics.linear_regression(
        [variant.kept() for variant in variants], [statistics.median(variant.times_ms) for variant in variants]
    )
    return fit.intercept, fit.slope


def edit_to_end(session: EditSession[int], frames: Tensor) -> EditedFrames[int]:
    """Edit one block [N, 3, H, W]; returns when the device has done it, its clean pass included."""
    edited = session.push(frames, range(len(frames)))
    session.finish_block()
    session.models.side.join()
    edited.frames.sum().item()  # waits
    return edited


def random_block(models: Models, seed: int = 0) -> Tensor:
    """Frames of a block [N, 3, H, W], on the models' device."""
    stream = models.preset.stream
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(stream.frames_per_block, 3, stream.height, stream.width, generator=generator)
    return frames.to(models.device)


def require_blocks(models: Models, paths: Sequence[Path]) -> None:
    """Raises `LiparError` for a clip that is shorter than a block."""
    size = models.preset.stream.frames_per_block
    for path in paths:
        if (count := len(read_clip(path, models, size).frames)) < size:
            raise LiparError(f"clip {path}: has {count} frames, a block takes {size}")


def pruning_by_detector(models: Models, clip: Tensor, blocks: int) -> list[Variant]:
    """A clip [N, 3, H, W] uint8 unpruned and pruned by each detector, with the preset's thresholds."""
    parameters = default_parameters(models.preset)
    size = models.preset.stream.frames_per_block
    first = [part.to(models.device).float() / 255 for part in clip.split(size)[:GATED_BLOCKS] if len(part) == size]

    def variant(name: str, **pruning: object) -> Variant:
        changed = replace(parameters, pruning=replace(parameters.pruning, **pruning))
        return Variant(name, EditSession(models, changed), gate=stream_gate(models, changed, first))

    variants = [variant("off", enabled=False), *(variant(name, detector=name) for name in DETECTORS)]
    count = len(clip) // size
    interleave(variants, lambda block: clip[block % count * size :][:size], blocks)
    for measured in variants:
        measured.session.close()
    return variants


class ForcedMasks:
    """Keep masks with a given ratio; the same for a ratio in every block."""

    def __init__(self, models: Models, ratio: float = 1.0) -> None:
        stream = models.preset.stream
        shape = stream.block_frames, stream.rows, stream.cols
        self.rank = torch.rand(shape, generator=torch.Generator().manual_seed(1)).flatten().argsort().argsort()
        self.rank = self.rank.view(shape).to(models.device)
        self.ratio = ratio

    @contextmanager
    def use(self, ratio: float) -> Iterator[None]:
        self.ratio = ratio
        yield

    def __call__(self, _: int) -> Tensor:
        return self.rank < round(self.ratio * self.rank.numel())


class Measured(Protocol):
    """What edits blocks and takes their time."""

    def run(self, frames: Tensor, *, is_measured: bool) -> None: ...


def interleave(
    variants: Sequence[Measured], block: Callable[[int], Tensor], blocks: int, warmup: int = WARMUP_BLOCKS
) -> None:
    """A B B A ...: each pair of rounds visits the variants forwards, then backwards. warmup: rounds before."""
    for i in range(warmup + blocks):
        for variant in variants if i % 2 == 0 else reversed(variants):
            variant.run(block(i), is_measured=i >= warmup)
