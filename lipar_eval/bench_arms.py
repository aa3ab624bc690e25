"""The arms of `lipar bench --parts arms`: the engine, with each of its parts replaced, and the published style."""

import statistics
from dataclasses import dataclass

from msgspec.structs import replace
from torch import Tensor

from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import Models
from lipar_core.models.wan import CausalWan
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.engine_arms import ArmParts, engine_arms
from lipar_eval.gate import Gate, gate
from lipar_eval.published_loop import PublishedLoop
from lipar_eval.summary import median_ratio, p99
from lipar_eval.throughput import ForcedMasks, Variant, interleave, random_block

IN_ROW = 3  # blocks between two waits on a GPU: a clean pass is beside the block after it


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm at one keep ratio."""

    name: str
    ratio: float
    median_ms: float
    p99_ms: float
    times_ours: float  # median of its time over the engine's in the same round
    gate: Gate  # of a first block: x0 to the published style's, frames to the engine's

    def to_json(self) -> dict[str, object]:
        """Of a wrong arm no times."""
        row = {"name": self.name, "ratio": self.ratio, "gate": self.gate.to_json()}
        times = {"median_ms": self.median_ms, "p99_ms": self.p99_ms, "times_ours": self.times_ours}
        return row | times if self.gate.passed else row


def measure_arms(models: Models, ratio: float, blocks: int) -> list[ArmResult]:
    """All arms at one keep ratio, in turn block by block; those of the engine share a session."""
    masks, parameters = ForcedMasks(models, ratio), default_parameters(models.preset)
    parameters = replace(parameters, smoothing=0.0, pruning=replace(parameters.pruning, follow_source=0.0))
    seen: list[Tensor] = []
    session: EditSession[int] = EditSession(
        models, parameters, force_keep=masks, observer=lambda x0, _: seen.__setitem__(slice(None), [x0])
    )
    arms = engine_arms(models)
    in_row = IN_ROW if models.device.type == "cuda" else 1
    variants: list[Variant | PublishedLoop] = [
        Variant(arm.name, session, ArmParts(arm, models, session).running, in_row=in_row) for arm in arms
    ]
    if isinstance(models.dit, CausalWan):
        variants.append(PublishedLoop(models, parameters, masks))
    frames = random_block(models)
    errors = _first_block_errors(variants, frames, seen, [arm.renderer for arm in arms])
    interleave(variants, lambda _: frames, blocks)
    session.close()
    ours = variants[0].times_ms
    return [
        ArmResult(
            name=variant.name,
            ratio=ratio,
            median_ms=statistics.median(variant.times_ms),
            p99_ms=p99(variant.times_ms),
            times_ours=median_ratio(variant.times_ms, ours),
            gate=gate(models, error),
        )
        for variant, error in zip(variants, errors, strict=True)
    ]


def _first_block_errors(
    variants: list[Variant | PublishedLoop], frames: Tensor, seen: list[Tensor], same_frames: list[bool]
) -> list[float]:
    """Of a stream's first block: x0 to that of the last arm, and the engine's frames to those of the first one.

    same_frames: of each of the engine's arms, whether its frames are to be compared.
    """
    results, edited = [], []
    for variant in variants:
        if isinstance(variant, PublishedLoop):
            results.append(variant.edit(frames)[1])
            variant.reset()
        else:
            edited.append(_first_frames(variant, frames))
            results.append(seen[-1])
    errors = [relative_error(result, results[-1]) for result in results]
    pairs = zip(edited, same_frames, strict=True)
    differences = [relative_error(frames, edited[0]) if same else 0.0 for frames, same in pairs]
    differences += [0.0] * (len(errors) - len(edited))
    return [max(pair) for pair in zip(errors, differences, strict=True)]


def _first_frames(variant: Variant, frames: Tensor) -> Tensor:
    """What a new stream shows of its first block."""
    with variant.context():
        variant.session.flush()
        edited = variant.session.push(frames, range(len(frames)))
        variant.session.finish_block()
    return edited.frames
