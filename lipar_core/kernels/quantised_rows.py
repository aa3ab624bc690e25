"""Rows of 8-bit floating point numbers with a scale each: the input of a matrix product in 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

FLOAT8 = torch.float8_e4m3fn  # 3 bits after the leading one
LARGEST = 448.0  # of its values
SMALLEST_SCALE = 1e-30  # of a row of zeros


def quantised_rows_reference(x: Tensor) -> tuple[Tensor, Tensor]:
    """x [N, C] -> the same as `FLOAT8`, times the scale [N, 1], float32, of its row: its largest value is the format's.

    A value's relative error is at most 1 / 16.
    """
    values = x.float()
    scale = (values.abs().amax(dim=1, keepdim=True) / LARGEST).clamp(min=SMALLEST_SCALE)
    return (values / scale).clamp(-LARGEST, LARGEST).to(FLOAT8), scale


@jit
def _quantised_rows_kernel(
    x: Pointer,
    out: Pointer,
    scales: Pointer,
    C: tl.constexpr,
    LARGEST: tl.constexpr,
    SMALLEST_SCALE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    row = tl.program_id(0)
    col = tl.arange(0, BLOCK)
    inside = col < C
    values = tl.load(x + row * C + col, mask=inside, other=0.0).to(tl.float32)
    scale = tl.maximum(tl.max(tl.abs(values)) / LARGEST, SMALLEST_SCALE)
    tl.store(out + row * C + col, _float8_code(values / scale, LARGEST), mask=inside)
    tl.store(scales + row, scale)


@jit
def _float8_code(values, LARGEST: tl.constexpr):  # type: ignore[no-untyped-def]
    """The bits of the nearest 8-bit numbers, by hand: older GPUs and Triton's interpreter have no such rounding."""
    size = tl.minimum(tl.abs(values), LARGEST)
    bits = size.to(tl.int32, bitcast=True)
    nearest = (bits + 0x7FFFF + ((bits >> 20) & 1)) >> 20  # 3 bits after the leading one, ties to even
    normal = nearest - (120 << 3)  # the exponents' biases are 127 and 7
    small = (size * 512 + 8388608.0).to(tl.int32, bitcast=True) - 0x4B000000  # multiples of 2^-9, ties to even
    code = tl.where(size < 0.015625, small, normal)
    return tl.where(values < 0, code | 0x80, code).to(tl.uint8)


def quantised_rows_triton(x: Tensor) -> tuple[Tensor, Tensor]:
    rows, width = x.shape
    out, scales = torch.empty_like(x, dtype=FLOAT8), x.new_empty(rows, 1, dtype=torch.float32)
    launch(
        _quantised_rows_kernel,
        rows,
        *(x.contiguous(), out.view(torch.uint8), scales),
        C=width,
        LARGEST=LARGEST,
        SMALLEST_SCALE=SMALLEST_SCALE,
        BLOCK=block_size(width),
    )
    return out, scales


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for count in shapes.kept_counts():
        yield (shapes.normal(count, shapes.dim, dtype=shapes.linear),)
    yield (shapes.normal(1, shapes.dim) ** 9,)  # of very different sizes
    yield (torch.zeros(2, shapes.dim, dtype=shapes.linear, device=shapes.device),)


quantised_rows = Operation(quantised_rows_reference, quantised_rows_triton, examples)
