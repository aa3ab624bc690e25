"""Rotates un-rotated keys of whole latent frames into slots of the cache, for all layers.

It fills a block's slots with the frame before it, and moves the sink along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.rotation import rotated_row
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl
from lipar_core.rope import RotaryTable, rotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def rotate_frames_reference(source: Tensor, rotary: Tensor, slots: Tensor, cache: Tensor) -> None:
    """Set slots of the cache to source rotated by rotary [F, T, D], layer by layer: temporary memory for one only.

    source [layers, F, T, H, D], or [layers, 1, T, H, D] for the same frame F times; slots [F];
    cache [layers, R, H, D]: T rows per slot, and perhaps less than T others after the last slot.
    """
    tokens = source.shape[2]
    used = cache.shape[1] // tokens * tokens
    for layer, frames in zip(cache, source, strict=True):
        rotated = rotate(frames.expand(len(slots), -1, -1, -1), rotary)
        layer[:used].unflatten(0, (-1, tokens)).index_copy_(0, slots, rotated)


@jit
def _rotate_frames_kernel(
    source: Pointer,
    factors: Pointer,
    slots: Pointer,
    cache: Pointer,
    tokens: int,
    source_frames: int,
    cache_rows: int,
    C: tl.constexpr,
    D: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    token = tl.program_id(0).to(tl.int64)
    frame = tl.program_id(1)
    layer = tl.program_id(2)
    col = tl.arange(0, BLOCK)
    inside = col < C
    taken = (layer * source_frames + frame % source_frames) * tokens + token
    put = layer * cache_rows + tl.load(slots + frame) * tokens + token
    row = tl.load(source + taken * C + col, mask=inside, other=0.0).to(tl.float32)
    row = rotated_row(row, factors + (frame * tokens + token) * D, D, BLOCK)
    tl.store(cache + put * C + col, row, mask=inside)


def rotate_frames_triton(source: Tensor, rotary: Tensor, slots: Tensor, cache: Tensor) -> None:
    assert cache.is_contiguous() and source.shape[1] in (1, len(slots))
    layers, cache_rows, heads, head_dim = cache.shape
    tokens = source.shape[2]
    launch(
        _rotate_frames_kernel,
        (tokens, len(slots), layers),
        *(source.contiguous(), rotary.contiguous(), slots, cache, tokens, source.shape[1], cache_rows),
        C=heads * head_dim,
        D=head_dim,
        BLOCK=block_size(heads * head_dim),
    )


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    table = RotaryTable(shapes.head_dim, shapes.rows, shapes.cols, shapes.device)
    frame = shapes.tokens, shapes.heads, shapes.head_dim
    for frames, source_frames in ((shapes.block_frames, 1), (shapes.block_frames, shapes.block_frames), (1, 1), (0, 1)):
        source = shapes.normal(shapes.layers, source_frames, *frame, dtype=shapes.attention)
        rows = shapes.cached_frames * shapes.tokens + 1
        cache = shapes.normal(shapes.layers, rows, *frame[1:], dtype=shapes.attention)
        slots = shapes.uniform(shapes.cached_frames).argsort()[:frames]
        yield source, table.at(range(5, 5 + frames)), slots, cache


rotate_frames = Operation(rotate_frames_reference, rotate_frames_triton, examples)
