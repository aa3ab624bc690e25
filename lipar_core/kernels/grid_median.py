"""The median of each token and its neighbours: single tokens that differ from all around them vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

BLOCK = 256


def grid_median_reference(x: Tensor) -> Tensor:
    """Spatial median of 3x3 of [F, rows, cols], edges replicated."""
    return neighbours(x).median(dim=1).values


def neighbours(x: Tensor) -> Tensor:
    """[F, rows, cols] -> [F, 9, rows, cols], edges replicated."""
    padded = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")
    return F.unfold(padded, 3).view(len(x), 9, *x.shape[-2:])


@jit
def _grid_median_kernel(x: Pointer, out: Pointer, values: int, rows: int, cols: int, BLOCK: tl.constexpr) -> None:
    """The value of nine that fewer than five are below, and more than four at most as large."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < values
    median = tl.zeros([BLOCK], dtype=tl.float32)
    for place in range(9):
        value = tl.load(x + neighbour(i, place, rows, cols), mask=inside, other=0.0)
        below = tl.zeros([BLOCK], dtype=tl.int32)
        up_to = tl.zeros([BLOCK], dtype=tl.int32)
        for other in range(9):
            compared = tl.load(x + neighbour(i, other, rows, cols), mask=inside, other=0.0)
            below += (compared < value).to(tl.int32)
            up_to += (compared <= value).to(tl.int32)
        median = tl.where((below <= 4) & (up_to > 4), value, median)
    tl.store(out + i, median, mask=inside)


@jit
def neighbour(i, place, rows, cols):  # type: ignore[no-untyped-def]
    """The index of one of the nine around i in a grid [F, rows, cols], edges replicated."""
    row = tl.minimum(tl.maximum(i // cols % rows + place // 3 - 1, 0), rows - 1)
    col = tl.minimum(tl.maximum(i % cols + place % 3 - 1, 0), cols - 1)
    return i // (rows * cols) * (rows * cols) + row * cols + col


def grid_median_triton(x: Tensor) -> Tensor:
    out = torch.empty_like(x)
    _, rows, cols = x.shape
    launch(_grid_median_kernel, -(-x.numel() // BLOCK), *(x.contiguous(), out, x.numel(), rows, cols), BLOCK=BLOCK)
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    x = shapes.uniform(shapes.block_frames, shapes.rows, shapes.cols)
    yield (x.round(decimals=1),)  # some are equal
    yield (x[:0],)


grid_median = Operation(grid_median_reference, grid_median_triton, examples)
