"""Smooths a value of each token over the latent frame before and over the neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.grid_median import neighbour, neighbours
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

SMOOTHING_SIGMA = 1.5  # tokens, and latent frames
STEP_WEIGHT = math.exp(
    -1 / (2 * SMOOTHING_SIGMA**2)
)  # of a neighbour and of the frame before, that of the token being 1
BLOCK = 256


def grid_smoothing_reference(x: Tensor, before: Tensor) -> Tensor:
    """x, before [F, rows, cols]: a Gaussian of 3x3, edges replicated, of their weighted mean."""
    return gaussian3x3((x + STEP_WEIGHT * before) / (1 + STEP_WEIGHT))


def gaussian3x3(x: Tensor) -> Tensor:
    """Spatial Gaussian of [F, rows, cols], edges replicated."""
    offsets = torch.arange(-1.0, 2.0, device=x.device)
    line = torch.exp(-(offsets**2) / (2 * SMOOTHING_SIGMA**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    return (neighbours(x) * kernel.view(1, 9, 1, 1)).sum(dim=1)


@jit
def _grid_smoothing_kernel(
    x: Pointer,
    before: Pointer,
    out: Pointer,
    values: int,
    rows: int,
    cols: int,
    STEP_WEIGHT: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < values
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for place in range(9):
        at = neighbour(i, place, rows, cols)
        value = tl.load(x + at, mask=inside, other=0.0) + STEP_WEIGHT * tl.load(before + at, mask=inside, other=0.0)
        weight = tl.where(place // 3 == 1, 1.0, STEP_WEIGHT) * tl.where(place % 3 == 1, 1.0, STEP_WEIGHT)
        total += weight * value
    scale: tl.constexpr = (1 + STEP_WEIGHT) * (1 + 2 * STEP_WEIGHT) * (1 + 2 * STEP_WEIGHT)
    tl.store(out + i, total / scale, mask=inside)


def grid_smoothing_triton(x: Tensor, before: Tensor) -> Tensor:
    out = torch.empty_like(x)
    _, rows, cols = x.shape
    launch(
        _grid_smoothing_kernel,
        -(-x.numel() // BLOCK),
        *(x.contiguous(), before.contiguous(), out, x.numel(), rows, cols),
        STEP_WEIGHT=STEP_WEIGHT,
        BLOCK=BLOCK,
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    x, before = shapes.uniform(2, shapes.block_frames, shapes.rows, shapes.cols)
    yield x, before
    yield x[:1], x[:1]
    yield x[:0], before[:0]


grid_smoothing = Operation(grid_smoothing_reference, grid_smoothing_triton, examples)
