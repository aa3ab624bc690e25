"""Residual, gate, LayerNorm and modulation: what stands between two parts of a transformer layer."""

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


def modulated_norm(x: Tensor, shift: Tensor, scale: Tensor, eps: float) -> Tensor:
    """LayerNorm of x [..., N, C], times `scale`, plus `shift` (both [..., 1, C], or [C])."""
    if scale.numel() == x.shape[-1]:
        return F.layer_norm(x, x.shape[-1:], scale.flatten(), shift.flatten(), eps)
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=eps), scale)


def residual_norm_reference(
    x: Tensor, update: Tensor, gate: Tensor | None, shift: Tensor, scale: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """x + gate * update, and its LayerNorm, times `scale`, plus `shift`.

    x and update [..., N, C]; gate (None: 1), shift and scale [..., 1, C] or [C].
    """
    x = x + update if gate is None else torch.addcmul(x, gate, update)
    return x, modulated_norm(x, shift, scale, eps)


@jit
def _residual_norm_kernel(
    x: Pointer,
    update: Pointer,
    gate: Pointer,
    shift: Pointer,
    scale: Pointer,
    summed: Pointer,
    normed: Pointer,
    eps: float,
    C: tl.constexpr,
    BLOCK: tl.constexpr,
    GATED: tl.constexpr,
) -> None:
    row = tl.program_id(0) * C
    col = tl.arange(0, BLOCK)
    inside = col < C
    step = tl.load(update + row + col, mask=inside, other=0.0).to(tl.float32)
    if GATED:
        step *= tl.load(gate + col, mask=inside, other=0.0).to(tl.float32)
    value = (tl.load(x + row + col, mask=inside, other=0.0).to(tl.float32) + step).to(summed.dtype.element_ty)
    tl.store(summed + row + col, value, mask=inside)
    value = value.to(tl.float32)  # the rounded sum is normalised, as in the reference
    centred = tl.where(inside, value - tl.sum(value) / C, 0.0)
    inverse = 1 / tl.sqrt(tl.sum(centred * centred) / C + eps)
    weight = tl.load(scale + col, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(shift + col, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + row + col, centred * inverse * weight + bias, mask=inside)


def residual_norm_triton(
    x: Tensor, update: Tensor, gate: Tensor | None, shift: Tensor, scale: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    width = x.shape[-1]
    if any(row is not None and row.numel() != width for row in (gate, shift, scale)):
        return residual_norm_reference(x, update, gate, shift, scale, eps)  # a batch with different modulations
    x, update = x.contiguous(), update.contiguous()
    summed, normed = torch.empty_like(x), torch.empty_like(x)
    launch(
        _residual_norm_kernel,
        x.numel() // width,
        *(x, update, x if gate is None else gate.contiguous(), shift.contiguous(), scale.contiguous()),
        *(summed, normed, eps),
        C=width,
        BLOCK=block_size(width),
        GATED=gate is not None,
    )
    return summed, normed


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    for count in shapes.kept_counts():
        x, update = shapes.normal(2, count, shapes.dim, dtype=shapes.linear)
        gate, shift, scale = shapes.normal(3, 1, shapes.dim, dtype=shapes.linear)
        yield x, update, gate, shift, scale, 1e-6
        yield x, update, None, shift.flatten(), scale.flatten(), 1e-6


residual_norm = Operation(residual_norm_reference, residual_norm_triton, examples)
