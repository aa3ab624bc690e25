"""Sets the anchors of kept tokens to the newest source, in place: the others are neither read nor written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def replace_tokens_reference(anchor: Tensor, computed: Tensor, now: Tensor, keep: Tensor, block: int) -> None:
    """Set the pixels of `anchor` [n, C, H, W] to those of `now`, and `computed` [rows, cols] to `block`, where kept.

    keep [rows, cols] bool.
    """
    grid = (*now.shape[:2], keep.shape[0], now.shape[2] // keep.shape[0], keep.shape[1], now.shape[3] // keep.shape[1])
    old = anchor.view(grid)
    torch.where(keep[:, None, :, None], now.view(grid), old, out=old)
    computed.masked_fill_(keep, block)


@jit
def _replace_tokens_kernel(
    anchor: Pointer,
    computed: Pointer,
    now: Pointer,
    keep: Pointer,
    H: int,
    W: int,
    block: int,
    TOKEN: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """A program per token and plane of pixels."""
    row = tl.program_id(0)
    col = tl.program_id(1)
    plane = tl.program_id(2)
    token = row * tl.num_programs(1) + col
    if tl.load(keep + token) != 0:
        i = tl.arange(0, BLOCK)
        inside = i < TOKEN * TOKEN
        at = plane * H * W + (row * TOKEN + i // TOKEN) * W + col * TOKEN + i % TOKEN
        tl.store(anchor + at, tl.load(now + at, mask=inside), mask=inside)
        if plane == 0:
            tl.store(computed + token, block)


def replace_tokens_triton(anchor: Tensor, computed: Tensor, now: Tensor, keep: Tensor, block: int) -> None:
    assert anchor.is_contiguous() and computed.is_contiguous()
    frames, channels, height, width = now.shape
    token = height // keep.shape[0]
    launch(
        _replace_tokens_kernel,
        (*keep.shape, frames * channels),
        *(anchor, computed, now.contiguous(), keep.contiguous().view(torch.uint8), height, width, block),
        TOKEN=token,
        BLOCK=block_size(token * token),
    )


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    size = shapes.frames_per_latent, 3, shapes.height, shapes.width
    now, anchor = shapes.uniform(2, *size)
    computed = torch.arange(shapes.tokens, device=now.device).view(shapes.rows, shapes.cols)
    for keep in shapes.keep_masks():
        yield anchor.clone(), computed.clone(), now, keep[0].view_as(computed), 70


replace_tokens = Operation(replace_tokens_reference, replace_tokens_triton, examples)
