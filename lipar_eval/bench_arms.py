"""The arms of `lipar bench --arms`: the engine, with each of its parts replaced in turn, and the published style."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from lipar_core.kernels.attention_backends import BACKENDS, CHOICE, Backend
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import Models
from lipar_core.models.wan import CausalWan
from lipar_core.presets import default_parameters
from lipar_core.runtime.pass_graphs import PassGraphs
from lipar_core.session import EditSession
from lipar_eval.published_loop import PublishedLoop
from lipar_eval.throughput import ForcedMasks, Variant, interleave, random_block

GATE = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 2e-2}  # relative L2 of a block's x0


@dataclass(frozen=True, slots=True)
class Arm:
    """Which parts of the engine run."""

    name: str
    graphs: bool = True
    kernels: bool = True
    backend: Backend | None = None  # of attention


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm at one keep ratio."""

    name: str
    ratio: float
    median_ms: float
    p99_ms: float
    times_ours: float  # median of its time over the engine's in the same round
    error: float  # relative L2 of x0 after one block, to the published style
    passed: bool


def engine_arms(models: Models) -> list[Arm]:
    """The engine as it runs here first; on a CPU it has no other parts."""
    ours = Arm("engine", backend=CHOICE.backend)
    if models.device.type != "cuda":
        return [ours]
    others = [backend for backend in BACKENDS.values() if backend.installed and backend is not CHOICE.backend]
    return [
        ours,
        replace(ours, name="no pass graphs", graphs=False),
        replace(ours, name="no kernels", kernels=False),
        *(replace(ours, name=f"attention {backend.name}", backend=backend) for backend in others),
    ]


def measure_arms(models: Models, ratio: float, blocks: int) -> list[ArmResult]:
    """All arms at one keep ratio, in turn block by block; those of the engine share a session."""
    masks, parameters = ForcedMasks(models), default_parameters(models.preset)
    masks.ratio = ratio
    seen: list[Tensor] = []
    session: EditSession[int] = EditSession(
        models, parameters, force_keep=masks, observer=lambda x0, _: seen.__setitem__(slice(None), [x0])
    )
    variants: list[Variant | PublishedLoop] = []
    for arm in engine_arms(models):
        graphs = PassGraphs(models.record if arm.graphs else None)
        variants.append(Variant(arm.name, session, partial(running, arm, session, graphs)))
    if isinstance(models.dit, CausalWan):
        variants.append(PublishedLoop(models, parameters, masks))
    frames = random_block(models)
    errors = _first_block_errors(variants, frames, seen)
    interleave(variants, lambda _: frames, blocks)
    session.close()
    ours = variants[0].times_ms
    limit = GATE[models.precision.linear]
    return [
        ArmResult(
            name=variant.name,
            ratio=ratio,
            median_ms=statistics.median(variant.times_ms),
            p99_ms=statistics.quantiles(variant.times_ms, n=100, method="inclusive")[98],
            times_ours=statistics.median(a / b for a, b in zip(variant.times_ms, ours, strict=True)),
            error=error,
            passed=error <= limit,
        )
        for variant, error in zip(variants, errors, strict=True)
    ]


def _first_block_errors(variants: list[Variant | PublishedLoop], frames: Tensor, seen: list[Tensor]) -> list[float]:
    """Of x0 of a stream's first block to that of the last arm."""
    results = []
    for variant in variants:
        if isinstance(variant, PublishedLoop):
            results.append(variant.edit(frames)[1])
            variant.reset()
        else:
            variant.session.reset()
            variant.run(frames, is_measured=False)
            results.append(seen[-1])
    return [relative_error(result, results[-1]) for result in results]


@contextmanager
def running(arm: Arm, session: EditSession[int], graphs: PassGraphs) -> Iterator[None]:
    """The process runs this arm's parts."""
    before = session.passes.graphs, CHOICE.backend, [operation.verified_on for operation in OPERATIONS]
    session.passes.graphs, CHOICE.backend = graphs, arm.backend
    for operation in OPERATIONS:
        operation.verified_on = operation.verified_on if arm.kernels else None
    try:
        yield
    finally:
        session.passes.graphs, CHOICE.backend, verified = before
        for operation, device in zip(OPERATIONS, verified, strict=True):
            operation.verified_on = device
