"""Rolling refresh: adds the tokens to a block's keep mask that have not been computed for longest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

SPREAD = 0x9E37  # times a position, modulo the number of positions: neighbours are refreshed at different times
KEY_BITS = 40  # of a block's number times the number of positions
WARPS = 8  # each program has all tokens of a latent frame


def filled_mask_reference(keep: Tensor, computed: Tensor, inside: Tensor | None, spare: int) -> Tensor:
    """keep [F, T] -> the same with `spare` more tokens, of those inside (None: all), which are at least as many.

    computed: the block in which each position was last computed, T in all; those of the lowest number come first. The
    last frame is filled before the others. inside: T in all, bool; no other token is kept.
    """
    frames, tokens = keep.shape
    position = torch.arange(tokens, device=keep.device)
    urgency = (computed.flatten() * tokens + position * SPREAD % tokens).argsort(stable=True).argsort()  # [T]
    frame = torch.arange(frames - 1, -1, -1, device=keep.device)  # the last is 0
    key = 1 + frame[:, None] * tokens + urgency
    if inside is not None:
        key = torch.where(inside.flatten(), key, frames * tokens + 1)
    order = torch.where(keep, 0, key).flatten().argsort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return (rank < keep.sum() + spare).view_as(keep)


@jit
def _filled_mask_kernel(
    keep: Pointer,
    computed: Pointer,
    active: Pointer,
    out: Pointer,
    spare: int,
    tokens: int,
    SPREAD: tl.constexpr,
    LIMITED: tl.constexpr,
    BITS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """A program per latent frame: what the later ones have no room for is left to it."""
    frame = tl.program_id(0)
    last = tl.num_programs(0) - 1
    i = tl.arange(0, BLOCK)
    exists = i < tokens
    inside = exists
    if LIMITED:
        inside = tl.load(active + i, mask=exists, other=0) != 0
    room = tl.sum(inside.to(tl.int32))
    left = spare
    for later in range(last - frame):
        kept = tl.load(keep + (last - later) * tokens + i, mask=exists, other=0)
        left -= tl.minimum(left, room - tl.sum(kept.to(tl.int32)))
    kept = tl.load(keep + frame * tokens + i, mask=exists, other=0)
    wanted = tl.minimum(left, room - tl.sum(kept.to(tl.int32)))
    free = inside & (kept == 0)
    key = tl.load(computed + i, mask=exists, other=0) * tokens + i.to(tl.int64) * SPREAD % tokens
    found = tl.zeros([1], dtype=tl.int64)  # the key of the last token that is added
    for bit in range(BITS):  # from the highest down
        candidate = found | (tl.full([1], 1, tl.int64) << (BITS - 1 - bit))
        below = tl.sum((free & (key < candidate)).to(tl.int32))
        found = tl.where(below < wanted, candidate, found)
    equal = free & (key == found)
    below = tl.sum((free & (key < found)).to(tl.int32))
    added = (free & (key < found)) | (equal & (tl.cumsum(equal.to(tl.int32), 0) <= wanted - below))
    tl.store(out + frame * tokens + i, added | (kept != 0), mask=exists)


def filled_mask_triton(keep: Tensor, computed: Tensor, inside: Tensor | None, spare: int) -> Tensor:
    keep, out = keep.contiguous(), torch.empty_like(keep, memory_format=torch.contiguous_format)
    active = keep if inside is None else inside.contiguous()
    frames, tokens = keep.shape
    launch(
        _filled_mask_kernel,
        frames,
        *(keep.view(torch.uint8), computed.contiguous(), active.view(torch.uint8), out.view(torch.uint8)),
        *(spare, tokens),
        SPREAD=SPREAD,
        LIMITED=int(inside is not None),
        BITS=KEY_BITS,
        BLOCK=block_size(tokens),
        num_warps=WARPS,
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    inside, computed = shapes.uniform(2, shapes.tokens)
    ages = (3e6 * computed.round(decimals=1)).long()  # many are equal
    for keep in shapes.keep_masks():
        pruned = int((~keep).sum())
        yield keep, ages, None, min(pruned, shapes.tokens + 1)
    for limit in (0.0, 0.7):
        active = inside < limit
        keep = (shapes.uniform(shapes.block_frames, shapes.tokens) < 0.3) & active
        yield keep, ages, active, int((active & ~keep).sum() * 2 // 3)


filled_mask = Operation(filled_mask_reference, filled_mask_triton, examples)
