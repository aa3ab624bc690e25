"""The dtypes of `lipar bench --parts dtypes`: the preset in others, and with options that compute less exactly."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.kernels.attention_backends import CHOICE
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import Models, load_models
from lipar_core.session import EditSession
from lipar_eval.engine_arms import changed
from lipar_eval.gate import Gate
from lipar_eval.summary import median_ratio
from lipar_eval.throughput import WARMUP_BLOCKS, ForcedMasks, Variant, forced_gate, interleave, random_block

CPU_DTYPES = ("float32", "bfloat16")
GPU_DTYPES = ("bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class DtypeResult:
    """A dtype at one keep ratio, beside the preset's own."""

    name: str
    ratio: float
    median_ms: float
    p99_ms: float
    own_median_ms: float  # of the preset as it is, measured in turn
    times_own: float  # median of the time over that of the preset as it is, in the same round
    x0_error: float  # of the first block, relative L2 of its last frame to that of the preset as it is
    gate: Gate | None  # whether it computes what the published style does with the same layers

    def to_json(self) -> dict[str, object]:
        """Of a wrong variant no times."""
        gate = None if self.gate is None else self.gate.to_json()
        row = {"name": self.name, "ratio": self.ratio, "gate": gate, "x0_error": self.x0_error}
        times = {"median_ms": self.median_ms, "p99_ms": self.p99_ms, "own_median_ms": self.own_median_ms}
        return row | times | {"times_own": self.times_own} if self.gate is None or self.gate.passed else row


def dtype_presets(models: Models) -> list[tuple[str, Preset, str]]:
    """Name, preset and dtype of each variant of this device that differs from the preset as it is."""
    preset, own = models.preset, str(models.precision)
    if models.device.type == "cpu":
        return [(dtype, preset, dtype) for dtype in CPU_DTYPES if dtype != own]
    exact = replace(preset, fp16_accumulation=False, fp8_linears=False)
    variants = [(dtype, exact, dtype) for dtype in GPU_DTYPES if dtype != own]
    variants.append(("float16 summed in float16", replace(exact, fp16_accumulation=True), "float16"))
    variants.append(("linear layers in float8", replace(exact, fp8_linears=True), own))
    return variants


def measure_dtypes(models: Models, ratios: Sequence[float], blocks: int) -> list[DtypeResult]:
    """Each variant in turn with the preset as it is, block by block; one other model is loaded at a time."""
    results = []
    own = _process_settings(models)
    for name, preset, dtype in dtype_presets(models):
        with own():  # which are those of this process again, after what loading changes
            other = load_models(preset, str(models.device), dtype)
            others = _process_settings(other)
            results += [_pair(name, models, own, other, others, ratio, blocks) for ratio in ratios]
    return results


Settings = Callable[[], AbstractContextManager[None]]


def _pair(
    name: str, models: Models, own: Settings, other: Models, others: Settings, ratio: float, blocks: int
) -> DtypeResult:
    frames, masks = random_block(models), ForcedMasks(models, ratio)
    with others():
        checked = forced_gate(other, masks, ratio, frames)
    mine, first = _first_block(Variant(name, _session(models, masks), own), frames)
    variant, second = _first_block(Variant(name, _session(other, masks), others), frames)
    interleave([mine, variant], lambda _: frames, blocks, WARMUP_BLOCKS - 1)
    for measured in (mine, variant):
        measured.session.close()
    return DtypeResult(
        name=name,
        ratio=ratio,
        median_ms=statistics.median(variant.times_ms),
        p99_ms=variant.p99_ms(),
        own_median_ms=statistics.median(mine.times_ms),
        times_own=median_ratio(variant.times_ms, mine.times_ms),
        x0_error=relative_error(second, first),
        gate=checked,
    )


def _session(models: Models, masks: ForcedMasks) -> EditSession[int]:
    return EditSession(models, force_keep=masks)


def _first_block(variant: Variant, frames: Tensor) -> tuple[Variant, Tensor]:
    """The variant after its stream's first block, and the x0 of that."""
    variant.run(frames, is_measured=False)
    x0 = variant.session.state.previous
    assert x0 is not None
    return variant, x0.clone()


def _process_settings(models: Models) -> Settings:
    """What loading a model sets for the whole process, as it is now, for the time in which that model runs."""
    verified = {operation: operation.verified_on for operation in OPERATIONS}
    return partial(_applied, verified, CHOICE.backend, models.preset.fp16_accumulation)


@contextmanager
def _applied(
    verified: dict[Operation[Any, Any], str | None], backend: object, fp16_accumulation: bool
) -> Iterator[None]:
    with ExitStack() as stack:
        for operation, device in verified.items():
            stack.enter_context(changed(operation, verified_on=device))
        stack.enter_context(changed(CHOICE, backend=backend))
        matmul = torch.backends.cuda.matmul
        stack.enter_context(changed(matmul, allow_fp16_accumulation=fp16_accumulation))
        yield
