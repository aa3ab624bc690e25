"""A linear layer whose products are of 8-bit floating point numbers, summed in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.quantised_rows import quantised_rows, quantised_rows_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def fp8_linear_reference(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """x [..., C], weight [M, C] of `FLOAT8` with the scale [M, 1] of each row, bias [M] -> [..., M] in bfloat16.

    On a GPU no other dtype is returned if rows have scales.
    """
    rows, row_scale = quantised_rows(x.reshape(-1, x.shape[-1]))
    sums = F.linear(rows.float(), weight.float())
    return (sums * row_scale * scale.t() + bias.float()).bfloat16().view(*x.shape[:-1], -1)


def fp8_linear_scaled_mm(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """By PyTorch's product of 8-bit numbers."""
    rows, row_scale = quantised_rows(x.reshape(-1, x.shape[-1]))
    bias = bias.bfloat16()
    out: Tensor = torch._scaled_mm(
        rows, weight.t(), scale_a=row_scale, scale_b=scale.t(), bias=bias, out_dtype=torch.bfloat16
    )
    return out.view(*x.shape[:-1], -1)


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    weight, scale = quantised_rows_reference(shapes.normal(2 * shapes.dim, shapes.dim) / shapes.dim**0.5)
    bias = shapes.normal(2 * shapes.dim, dtype=shapes.linear)
    for count in shapes.kept_counts():
        if count:
            yield shapes.normal(count, shapes.dim, dtype=shapes.linear), weight, scale, bias


fp8_linear = Operation(fp8_linear_reference, fp8_linear_scaled_mm, examples, library=True)
