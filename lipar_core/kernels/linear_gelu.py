"""A linear layer and the GELU after it: on a GPU the matrix product applies both to its sums before it writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from lipar_core.kernels.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def linear_gelu_reference(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x [..., N, C], weight [M, C] and bias [M] -> GELU, by its tanh approximation, of the layer's output."""
    return F.gelu(F.linear(x, weight, bias), approximate="tanh")


def linear_gelu_cublas(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """By cuBLASLt's epilogue. On a CPU this function of PyTorch has the exact GELU: another result."""
    out = torch._addmm_activation(bias, x.reshape(-1, x.shape[-1]), weight.t(), use_gelu=True)
    return out.view(*x.shape[:-1], -1)


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    weight = shapes.normal(2 * shapes.dim, shapes.dim, dtype=shapes.linear) / shapes.dim**0.5
    for count in shapes.kept_counts():
        if count:
            yield shapes.normal(count, shapes.dim, dtype=shapes.linear), weight, weight[:, 0].contiguous()


linear_gelu = Operation(linear_gelu_reference, linear_gelu_cublas, examples, library=True)
