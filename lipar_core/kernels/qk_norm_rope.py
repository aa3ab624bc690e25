"""RMSNorm of queries and keys over all heads, and the rotation of the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.rotation import example_factors, rotated_row
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl
from lipar_core.rope import rotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def qk_norm_rope_reference(
    q: Tensor, k: Tensor, q_weight: Tensor | None, k_weight: Tensor | None, rotary: Tensor, heads: int, eps: float
) -> tuple[Tensor, Tensor]:
    """q and k [..., N, H * D], as projected -> normalised [..., N, H, D], q rotated by rotary [N, D], k un-rotated.

    Keys are rotated where they are stored, because pruning also needs the un-rotated ones. No weight: no norm.
    """
    q, k = (_normed(x, weight, eps) for x, weight in ((q, q_weight), (k, k_weight)))
    return rotate(q.unflatten(-1, (heads, -1)), rotary), k.unflatten(-1, (heads, -1))


def _normed(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    return x if weight is None else F.rms_norm(x, x.shape[-1:], weight.to(x.dtype), eps)


@jit
def _qk_norm_rope_kernel(
    q: Pointer,
    k: Pointer,
    q_weight: Pointer,
    k_weight: Pointer,
    factors: Pointer,
    q_out: Pointer,
    k_out: Pointer,
    tokens: int,
    eps: float,
    C: tl.constexpr,
    D: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0)
    col = tl.arange(0, BLOCK)
    inside = col < C
    if tl.program_id(1) == 0:
        value = tl.load(q + token * C + col, mask=inside, other=0.0).to(tl.float32)
        weight = tl.load(q_weight + col, mask=inside, other=0.0).to(tl.float32)
        value *= weight / tl.sqrt(tl.sum(value * value) / C + eps)
        value = value.to(q_out.dtype.element_ty).to(tl.float32)
        value = rotated_row(value, factors + token % tokens * D, D, BLOCK)
        tl.store(q_out + token * C + col, value, mask=inside)
    else:
        value = tl.load(k + token * C + col, mask=inside, other=0.0).to(tl.float32)
        weight = tl.load(k_weight + col, mask=inside, other=0.0).to(tl.float32)
        value *= weight / tl.sqrt(tl.sum(value * value) / C + eps)
        tl.store(k_out + token * C + col, value, mask=inside)


def qk_norm_rope_triton(
    q: Tensor, k: Tensor, q_weight: Tensor | None, k_weight: Tensor | None, rotary: Tensor, heads: int, eps: float
) -> tuple[Tensor, Tensor]:
    if q_weight is None or k_weight is None:
        return qk_norm_rope_reference(q, k, q_weight, k_weight, rotary, heads, eps)
    q, k, width = q.contiguous(), k.contiguous(), q.shape[-1]
    q_out, k_out = torch.empty_like(q), torch.empty_like(k)
    launch(
        _qk_norm_rope_kernel,
        (q.numel() // width, 2),
        *(q, k, q_weight, k_weight, rotary.contiguous(), q_out, k_out, len(rotary), eps),
        C=width,
        D=width // heads,
        BLOCK=block_size(width),
    )
    return q_out.unflatten(-1, (heads, -1)), k_out.unflatten(-1, (heads, -1))


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    rotary = example_factors(shapes)
    for count in shapes.kept_counts():
        q, k = shapes.normal(2, count, shapes.dim, dtype=shapes.linear)
        weights = shapes.normal(2, shapes.dim, dtype=shapes.linear)
        yield q, k, *weights, rotary[:count], shapes.heads, 1e-6


qk_norm_rope = Operation(qk_norm_rope_reference, qk_norm_rope_triton, examples)
