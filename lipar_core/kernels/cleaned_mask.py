"""The paper's morphology on the mask of a latent frame: single tokens are dropped, gaps are closed, edges are added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

DILATION = 5  # tokens
WARPS = 16  # more threads, of fewer registers each: the one program has all tokens of the picture


def cleaned_mask_reference(changed: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """changed [rows, cols] bool -> the same after a 3x3 majority, opening and closing; and that, dilated.

    before [rows, cols]: the first result of the frame before, which is dilated into the second, too.
    """
    cleaned = clean_mask(changed)
    return cleaned, dilate(cleaned | before, DILATION)


def clean_mask(mask: Tensor) -> Tensor:
    """Majority of 3x3, edges replicated, then morphological open and close: [rows, cols] bool."""
    padded = F.pad(mask[None, None].float(), (1, 1, 1, 1), mode="replicate")
    majority = F.unfold(padded, 3).sum(dim=1).view_as(mask) > 4
    opened = dilate(erode(majority, 3), 3)
    return erode(dilate(opened, 3), 3)


def dilate(mask: Tensor, size: int) -> Tensor:
    """True where any of the size x size neighbours inside the picture is."""
    return F.max_pool2d(mask[None].float(), size, stride=1, padding=size // 2)[0] > 0


def erode(mask: Tensor, size: int) -> Tensor:
    """True where all of the size x size neighbours inside the picture are."""
    return ~dilate(~mask, size)


@jit
def _cleaned_mask_kernel(
    changed: Pointer,
    before: Pointer,
    scratch: Pointer,
    cleaned: Pointer,
    dilated: Pointer,
    rows: int,
    cols: int,
    SIZE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One program for the picture: each step reads what other threads wrote in the step before."""
    i = tl.arange(0, BLOCK)
    inside = i < rows * cols
    count = tl.zeros([BLOCK], dtype=tl.int32)
    for dy in range(3):
        for dx in range(3):
            row = tl.minimum(tl.maximum(i // cols + dy - 1, 0), rows - 1)
            col = tl.minimum(tl.maximum(i % cols + dx - 1, 0), cols - 1)
            count += tl.load(changed + row * cols + col, mask=inside, other=0).to(tl.int32)
    opened = _reached(_reached(count <= 4, scratch, rows, cols, 3, BLOCK) == 0, scratch, rows, cols, 3, BLOCK)
    closed = _reached(_reached(opened, scratch, rows, cols, 3, BLOCK) == 0, scratch, rows, cols, 3, BLOCK) == 0
    tl.store(cleaned + i, closed, mask=inside)
    either = closed | (tl.load(before + i, mask=inside, other=0) != 0)
    tl.store(dilated + i, _reached(either, scratch, rows, cols, SIZE, BLOCK), mask=inside)


@jit
def _reached(mask, scratch: Pointer, rows, cols, SIZE: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """mask [BLOCK] bool -> where any of the SIZE x SIZE neighbours inside the picture is."""
    i = tl.arange(0, BLOCK)
    inside = i < rows * cols
    tl.debug_barrier()  # all threads have read what the scratch had
    tl.store(scratch + i, mask.to(tl.uint8), mask=inside)
    tl.debug_barrier()
    found = tl.zeros([BLOCK], dtype=tl.int32)
    for dy in range(SIZE):
        for dx in range(SIZE):
            row = i // cols + dy - SIZE // 2
            col = i % cols + dx - SIZE // 2
            there = inside & (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
            found += tl.load(scratch + row * cols + col, mask=there, other=0).to(tl.int32)
    return found > 0


def cleaned_mask_triton(changed: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    rows, cols = changed.shape
    changed, before = changed.contiguous().view(torch.uint8), before.contiguous().view(torch.uint8)
    scratch, cleaned, dilated = torch.empty(3, rows, cols, dtype=torch.uint8, device=changed.device)
    launch(
        _cleaned_mask_kernel,
        1,
        *(changed, before, scratch, cleaned, dilated, rows, cols),
        SIZE=DILATION,
        BLOCK=block_size(rows * cols),
        num_warps=WARPS,
    )
    return cleaned.view(torch.bool), dilated.view(torch.bool)


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    values = shapes.uniform(2, shapes.rows, shapes.cols)
    for limit in (0.0, 0.4, 0.6, 1.0):
        yield tuple(values < limit)
    alone = torch.zeros_like(values, dtype=torch.bool)
    alone[0, 0, 0] = True
    yield tuple(alone)


cleaned_mask = Operation(cleaned_mask_reference, cleaned_mask_triton, examples)
