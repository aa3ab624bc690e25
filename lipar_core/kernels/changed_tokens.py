"""The anchor rule's decision: which tokens of a latent frame have changed by more than the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.noise_estimate import BAND_LEVELS, BANDS, band_of
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.triton_import import Pointer, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

TILE_FACTOR = 3.0  # times the threshold, for the worst tile of a single frame
DEFER_FACTOR = 1.25  # times the threshold: smaller changes are deferred, which spreads the cost of slow drift evenly
DEFER_PHASES = 4  # latent frames within which a deferred token is computed
BLOCK = 256


def changed_tokens_reference(
    mean: Tensor, worst: Tensor, luminance: Tensor, sigma: Tensor, threshold: float, frame: int
) -> Tensor:
    """mean, worst [rows, cols] and luminance [T] of `token_change`, sigma [BANDS], in levels -> bool [rows, cols].

    frame: number of the latent frame, which decides on deferred tokens: each may be computed once in `DEFER_PHASES`
    frames, in diagonals.
    """
    noise = 2 * sigma[band_of(luminance)].view_as(mean) ** 2  # the variances of two frames add up
    change = torch.maximum(mean - noise, (worst - noise) / TILE_FACTOR**2)
    row, col = (torch.arange(size, device=change.device) for size in change.shape)
    in_phase = (2 * row[:, None] + col + frame) % DEFER_PHASES == 0
    limit = threshold**2
    return (change > DEFER_FACTOR**2 * limit) | ((change > limit) & in_phase)


@jit
def _changed_tokens_kernel(
    mean: Pointer,
    worst: Pointer,
    luminance: Pointer,
    sigma: Pointer,
    out: Pointer,
    tokens: int,
    cols: int,
    frame: int,
    limit: float,
    defer_limit: float,
    TILE_SQUARE: tl.constexpr,
    PHASES: tl.constexpr,
    BANDS: tl.constexpr,
    BAND_LEVELS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < tokens
    level = tl.load(luminance + i, mask=inside, other=0.0) * (1 / BAND_LEVELS)
    deviation = tl.load(sigma + tl.minimum(tl.maximum(level.to(tl.int32), 0), BANDS - 1))
    noise = 2 * (deviation * deviation)
    change = tl.load(mean + i, mask=inside, other=0.0) - noise
    change = tl.maximum(change, (tl.load(worst + i, mask=inside, other=0.0) - noise) / TILE_SQUARE)
    in_phase = (2 * (i // cols) + i % cols + frame) % PHASES == 0
    keep = (change > defer_limit) | ((change > limit) & in_phase)
    tl.store(out + i, keep, mask=inside)


def changed_tokens_triton(
    mean: Tensor, worst: Tensor, luminance: Tensor, sigma: Tensor, threshold: float, frame: int
) -> Tensor:
    out = torch.empty_like(mean, dtype=torch.bool)
    limit = threshold**2
    launch(
        _changed_tokens_kernel,
        -(-mean.numel() // BLOCK),
        *(mean.contiguous(), worst.contiguous(), luminance.contiguous(), sigma, out.view(torch.uint8)),
        *(mean.numel(), mean.shape[1], frame, limit, DEFER_FACTOR**2 * limit),
        TILE_SQUARE=TILE_FACTOR**2,
        PHASES=DEFER_PHASES,
        BANDS=BANDS,
        BAND_LEVELS=BAND_LEVELS,
        BLOCK=BLOCK,
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    mean, worst, light = shapes.uniform(3, shapes.rows, shapes.cols)
    luminance, sigma = 256 * light.flatten(), torch.tensor([0.0, 1.0, 2.0, 4.0], device=light.device)
    for threshold in (0.0, 4.0, 7.0, 20.0):
        yield 150 * mean, 900 * worst, luminance, sigma, threshold, 5


changed_tokens = Operation(changed_tokens_reference, changed_tokens_triton, examples)
