"""The paper's distance of two patches: the trimmed mean of their absolute differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

TRIM = (0.2, 0.8)  # quantiles of the sorted differences between which the mean is taken


def trimmed_distance_reference(a: Tensor, b: Tensor) -> Tensor:
    """Trimmed mean of |a - b|: [..., P] -> [...]. Robust to outliers in single latent values."""
    low, high = _kept_range(a.shape[-1])
    return (a - b).abs().sort(dim=-1).values[..., low:high].mean(dim=-1)


def _kept_range(values: int) -> tuple[int, int]:
    return int(TRIM[0] * values), int(TRIM[1] * values)


@jit
def _trimmed_distance_kernel(
    a: Pointer,
    b: Pointer,
    out: Pointer,
    P: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0)
    col = tl.arange(0, BLOCK)
    inside = col < P
    difference = tl.load(a + token * P + col, mask=inside) - tl.load(b + token * P + col, mask=inside)
    ordered = tl.sort(tl.where(inside, tl.abs(difference), float("inf")))
    kept = tl.where((col >= LOW) & (col < HIGH), ordered, 0.0)
    tl.store(out + token, tl.sum(kept) / (HIGH - LOW))


def trimmed_distance_triton(a: Tensor, b: Tensor) -> Tensor:
    *lead, values = a.shape
    low, high = _kept_range(values)
    out = a.new_empty(lead)
    launch(
        _trimmed_distance_kernel,
        out.numel(),
        *(a.contiguous(), b.contiguous(), out),
        P=values,
        LOW=low,
        HIGH=high,
        BLOCK=block_size(values),
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    a, b = shapes.normal(2, shapes.block_frames, shapes.tokens, shapes.patch_dim)
    yield a, b
    yield a[:1], a[:1].clone()
    yield a[:0], b[:0]


trimmed_distance = Operation(trimmed_distance_reference, trimmed_distance_triton, examples)
