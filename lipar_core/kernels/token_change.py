"""What the anchor rule and its noise estimate need of the source's pixels, in one pass over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.rank_search import ranked_value
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

TILES = 2  # per side of a token: a small sharp change must not vanish in its mean
CHANNELS = 3


def token_change_reference(now: Tensor, anchor: Tensor, previous: Tensor, rows: int) -> tuple[Tensor, ...]:
    """Changes of each token of a latent frame.

    now, anchor [n, 3, H, W]; previous [3, H, W], the frame of the last latent frame that corresponds to now[-1].
    Returns the mean square change to the anchor [rows, cols], that of the worst tile in one frame [rows, cols], the
    median absolute value of the finest diagonal Haar coefficients of now[-1] - previous [T], and the mean of now[-1],
    its luminance [T].
    """
    tile = now.shape[-2] // (TILES * rows)  # pixels
    tiles = F.avg_pool2d((now - anchor).square().mean(dim=1), tile)  # [n, TILES * rows, TILES * cols]
    mean = F.avg_pool2d(tiles.mean(dim=0)[None], TILES)[0]
    worst = F.max_pool2d(tiles.amax(dim=0)[None], TILES)[0]
    luminance = F.adaptive_avg_pool2d(now[-1].mean(dim=0)[None], (mean.shape[0], mean.shape[1]))
    return mean, worst, _diagonal_deviation(now[-1] - previous, *mean.shape), luminance.flatten()


def _diagonal_deviation(change: Tensor, rows: int, cols: int) -> Tensor:
    """[3, H, W] -> [T]"""
    across = change[..., 0::2] - change[..., 1::2]
    diagonal = (across[:, 0::2] - across[:, 1::2]) / 2  # same variance as `change` for white noise
    channels, height, width = diagonal.shape
    tokens = diagonal.view(channels, rows, height // rows, cols, width // cols).permute(1, 3, 0, 2, 4)
    return tokens.reshape(rows * cols, -1).abs().median(dim=-1).values


@jit
def _token_change_kernel(
    now: Pointer,
    anchor: Pointer,
    previous: Pointer,
    mean: Pointer,
    worst: Pointer,
    deviation: Pointer,
    luminance: Pointer,
    H: int,
    W: int,
    FRAMES: tl.constexpr,
    TOKEN: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    row = tl.program_id(0)
    col = tl.program_id(1)
    token = row * tl.num_programs(1) + col
    corner = row * TOKEN * W + col * TOKEN
    half: tl.constexpr = TOKEN // 2  # side of a tile, and number of Haar coefficients per side
    count: tl.constexpr = 3 * half * half
    i = tl.arange(0, BLOCK)
    inside = i < count
    channel = i // (half * half) * H * W
    y = i // half % half
    x = i % half
    total = 0.0
    largest = 0.0
    for frame in range(FRAMES):
        for tile in range(4):
            at = corner + frame * 3 * H * W + channel + (y + tile // 2 * half) * W + x + tile % 2 * half
            change = tl.load(now + at, mask=inside, other=0.0) - tl.load(anchor + at, mask=inside, other=0.0)
            square = tl.sum(change * change) / count
            total += square
            largest = tl.maximum(largest, square)
    tl.store(mean + token, total / (4 * FRAMES))
    tl.store(worst + token, largest)
    newest = now + (FRAMES - 1) * 3 * H * W + corner + channel
    diagonal, light = _newest_sums(newest, previous + corner + channel, 2 * y * W + 2 * x, W, inside)
    tl.store(deviation + token, ranked_value(tl.abs(diagonal), inside, (count - 1) // 2))
    tl.store(luminance + token, tl.sum(light) / (4 * count))


@jit
def _newest_sums(newest, previous, at, W, inside):  # type: ignore[no-untyped-def]
    """Of the four pixels from `at` on: the diagonal Haar coefficient of newest - previous, and the sum of newest."""
    diagonal = tl.zeros(at.shape, dtype=tl.float32)
    light = tl.zeros(at.shape, dtype=tl.float32)
    for pixel in range(4):
        offset = at + pixel // 2 * W + pixel % 2
        value = tl.load(newest + offset, mask=inside, other=0.0)
        light += value
        sign = 1.0 - 2.0 * ((pixel // 2 + pixel) % 2)
        diagonal += sign * (value - tl.load(previous + offset, mask=inside, other=0.0))
    return diagonal / 2, light


def token_change_triton(now: Tensor, anchor: Tensor, previous: Tensor, rows: int) -> tuple[Tensor, ...]:
    frames, _, height, width = now.shape
    token = height // rows
    mean, worst = now.new_empty(2, rows, width // token)
    deviation, luminance = now.new_empty(2, mean.numel())
    launch(
        _token_change_kernel,
        tuple(mean.shape),
        *(now.contiguous(), anchor.contiguous(), previous.contiguous()),
        *(mean, worst, deviation, luminance, height, width),
        FRAMES=frames,
        TOKEN=token,
        BLOCK=block_size(CHANNELS * (token // 2) ** 2),
    )
    return mean, worst, deviation, luminance


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    size = CHANNELS, shapes.height, shapes.width
    now, anchor = 255 * shapes.uniform(2, shapes.frames_per_latent, *size)
    yield now, anchor, anchor[-1], shapes.rows
    yield now, now.clone(), now[-1].clone(), shapes.rows
    yield now[:1], anchor[:1], anchor[-1], shapes.rows


token_change = Operation(token_change_reference, token_change_triton, examples)
