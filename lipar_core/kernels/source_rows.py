"""Where each token of a block takes its content from: a computed token, or the frame before the block."""

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


def source_rows_reference(keep: Tensor, size: int, from_frames: bool) -> Tensor:
    """keep [F, T] -> each token's row [F * T] in `cat([computed (size), last frame before the block (T)])`.

    The kept tokens are the first computed ones. from_frames: a pruned token takes the newest kept one at its position
    in this block, if there is one, else as without: that of the frame before the block.
    """
    rank = torch.where(keep, keep.flatten().cumsum(0).view_as(keep) - 1, -1)
    if from_frames:
        rank = rank.cummax(dim=0).values  # ranks grow with the frame, so the greatest is the newest
    before = size + torch.arange(keep.shape[1], device=keep.device)
    return torch.where(rank >= 0, rank, before).flatten()


@jit
def _source_rows_kernel(
    keep: Pointer,
    out: Pointer,
    frames: int,
    tokens: int,
    size: int,
    FROM_FRAMES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    i = tl.arange(0, BLOCK)
    inside = i < tokens
    before = size + i
    newest = before
    count = 0
    for frame in range(frames):
        kept = tl.load(keep + frame * tokens + i, mask=inside, other=0).to(tl.int32)
        row = tl.where(kept != 0, count + tl.cumsum(kept, 0) - 1, newest)
        tl.store(out + frame * tokens + i, row, mask=inside)
        count += tl.sum(kept)
        if FROM_FRAMES:
            newest = row


def source_rows_triton(keep: Tensor, size: int, from_frames: bool) -> Tensor:
    frames, tokens = keep.shape
    out = torch.empty(keep.numel(), dtype=torch.long, device=keep.device)
    launch(
        _source_rows_kernel,
        int(tokens > 0),
        *(keep.contiguous().view(torch.uint8), out, frames, tokens, size),
        FROM_FRAMES=int(from_frames),
        BLOCK=block_size(tokens),
        num_warps=WARPS,
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for keep in shapes.keep_masks():
        for from_frames in (True, False):
            yield keep, int(keep.sum()) + 3, from_frames


source_rows = Operation(source_rows_reference, source_rows_triton, examples)
