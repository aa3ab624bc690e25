"""Stores keys, rotated, and values in their rows of the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.rotation import example_factors, rotated_row
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl
from lipar_core.rope import rotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def rope_scatter_reference(
    k: Tensor, v: Tensor, rotary: Tensor, rows: Tensor, k_cache: Tensor, v_cache: Tensor
) -> None:
    """Set k_cache[rows] to k rotated by rotary [N, D], and v_cache[rows] to v.

    k and v [N, H, D]; rows [N] of the caches [R, H, D], each at most once; computed in the caches' dtype.
    """
    k_cache.index_copy_(0, rows, rotate(k.to(k_cache.dtype), rotary))
    v_cache.index_copy_(0, rows, v.to(v_cache.dtype))


@jit
def _rope_scatter_kernel(
    k: Pointer,
    v: Pointer,
    factors: Pointer,
    rows: Pointer,
    k_cache: Pointer,
    v_cache: Pointer,
    C: tl.constexpr,
    D: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0).to(tl.int64)
    col = tl.arange(0, BLOCK)
    inside = col < C
    row = tl.load(rows + token) * C
    key = tl.load(k + token * C + col, mask=inside, other=0.0).to(k_cache.dtype.element_ty).to(tl.float32)
    tl.store(k_cache + row + col, rotated_row(key, factors + token * D, D, BLOCK), mask=inside)
    value = tl.load(v + token * C + col, mask=inside, other=0.0)
    tl.store(v_cache + row + col, value, mask=inside)


def rope_scatter_triton(k: Tensor, v: Tensor, rotary: Tensor, rows: Tensor, k_cache: Tensor, v_cache: Tensor) -> None:
    assert k_cache.is_contiguous() and v_cache.is_contiguous()
    width = k_cache[0].numel()
    launch(
        _rope_scatter_kernel,
        len(rows),
        *(k.contiguous(), v.contiguous(), rotary.contiguous(), rows, k_cache, v_cache),
        C=width,
        D=k_cache.shape[-1],
        BLOCK=block_size(width),
    )


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    rotary = example_factors(shapes)
    row = shapes.heads, shapes.head_dim
    order = shapes.uniform(shapes.cached_frames * shapes.tokens).argsort()
    for count in shapes.kept_counts():
        k, v = shapes.normal(2, count, *row, dtype=shapes.linear)
        caches = shapes.normal(2, len(order), *row, dtype=shapes.attention)
        yield k, v, rotary[:count], order[:count], *caches


rope_scatter = Operation(rope_scatter_reference, rope_scatter_triton, examples)
