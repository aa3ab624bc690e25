"""The tokens of a block in the order in which a pass gathers them: those that are kept, then the others, as pads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

WARPS = 8  # the one program has all tokens of a latent frame


def kept_order_reference(keep: Tensor) -> Tensor:
    """keep [F, T] -> positions in the flat block [F * T]: of kept tokens, ascending, then of pruned ones, ascending."""
    return torch.argsort(~keep.flatten(), stable=True)  # nonzero() would wait for the device


@jit
def _kept_order_kernel(keep: Pointer, out: Pointer, frames: int, tokens: int, BLOCK: tl.constexpr) -> None:
    i = tl.arange(0, BLOCK)
    inside = i < tokens
    next_pruned = 0
    for frame in range(frames):
        next_pruned += tl.sum(tl.load(keep + frame * tokens + i, mask=inside, other=0).to(tl.int32))
    next_kept = 0
    for frame in range(frames):
        kept = tl.load(keep + frame * tokens + i, mask=inside, other=0).to(tl.int32)
        rank = tl.cumsum(kept, 0)  # from 1
        place = tl.where(kept != 0, next_kept + rank - 1, next_pruned + i - rank)
        tl.store(out + place, frame * tokens + i, mask=inside)
        count = tl.sum(kept)
        next_kept += count
        next_pruned += tokens - count


def kept_order_triton(keep: Tensor) -> Tensor:
    frames, tokens = keep.shape
    out = torch.empty(keep.numel(), dtype=torch.long, device=keep.device)
    given = keep.contiguous().view(torch.uint8)
    block = block_size(tokens)
    launch(_kept_order_kernel, int(tokens > 0), given, out, frames, tokens, BLOCK=block, num_warps=WARPS)
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for keep in shapes.keep_masks():
        yield (keep,)


kept_order = Operation(kept_order_reference, kept_order_triton, examples)
