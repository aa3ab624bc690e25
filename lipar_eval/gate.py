"""The correctness gate beside a measurement: x0 of a stream's first blocks against the loop in the published style."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import Models
from lipar_core.models.wan import CausalWan
from lipar_core.parameters import Parameters
from lipar_core.runtime.denoise import BlockPlan
from lipar_core.session import EditSession
from lipar_eval.published_loop import PublishedLoop

GATED_BLOCKS = 3
LIMITS = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 2e-2}  # relative L2


@dataclass(frozen=True, slots=True)
class Gate:
    """What was computed may differ from its reference by so much."""

    error: float  # relative L2, of the worst block
    limit: float

    @property
    def passed(self) -> bool:
        return self.error <= self.limit  # NaN fails

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"passed": self.passed}


def gate(models: Models, error: float) -> Gate:
    """By the dtype of the transformer."""
    return Gate(error, LIMITS[models.precision.linear])


def stream_gate(
    models: Models,
    parameters: Parameters,
    blocks: Sequence[Tensor],
    force_keep: Callable[[int], Tensor] | None = None,
) -> Gate | None:
    """Of the first blocks [N, 3, H, W] in [0, 1], with forced keep masks or those that the detector chooses.

    None for a transformer whose published loop is not there.
    """
    if not isinstance(models.dit, CausalWan):
        return None
    parameters = replace(parameters, pruning=replace(parameters.pruning, follow_source=0.0))  # the published has none
    seen: list[tuple[Tensor, Tensor]] = []

    def observe(x0: Tensor, plan: BlockPlan) -> None:
        seen.append((x0, plan.kept.keep.clone()))

    session: EditSession[int] = EditSession(models, parameters, force_keep=force_keep, observer=observe)
    for frames in blocks[:GATED_BLOCKS]:
        session.push(frames, range(len(frames)))
        session.finish_block()
    session.close()
    stream = session.stream
    published = PublishedLoop(
        models, parameters, lambda block: seen[block][1].view(stream.block_frames, stream.rows, stream.cols)
    )
    pairs = zip(blocks, seen, strict=False)
    return gate(models, max(relative_error(x0, published.edit(frames)[1]) for frames, (x0, _) in pairs))
