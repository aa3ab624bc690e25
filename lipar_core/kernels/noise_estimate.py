"""The noise of a source's newest frame, by luminance: one step of the estimate that `SourceNoise` keeps.

The estimator is Donoho and Johnstone's (1994), applied to a temporal difference: the median absolute value of the
finest diagonal wavelet coefficients. Changes of light have none, motion few, white noise its full power. A sensor's
noise depends on the light, so that each band of luminance has its own estimate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipar_core.kernels.operation import Operation
from lipar_core.kernels.rank_search import ranked_value
from lipar_core.kernels.triton_import import Pointer, block_size, jit, launch, tl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes

MAD_TO_SIGMA = 1 / 0.6745  # of a normal distribution, from its median absolute value
FRAMES_SIGMA = 2**0.5  # of the difference of two frames, times that of one
QUANTILE = 0.2  # of the tokens that change at all: those above may be moving
MIN_RATIO = 0.2  # of tokens that change at all: noise is everywhere, motion is not
MIN_CHANGE = 0.05  # levels: a token that changes less was not updated (static screen content, a skipped macroblock)
MAX_SIGMA = 12.0  # levels: larger values are motion
BANDS = 4  # of luminance, equally wide
BAND_LEVELS = 256 / BANDS
MIN_BAND_TOKENS = 12  # that change at all: a band with fewer has the estimate of the whole picture
MAX_BAND_RATIO = 2.0  # times the estimate of the whole picture: a band in which all tokens move is not noise
FALL_RATE = 1 / 2  # step towards a lower estimate
WARPS = 8  # each program has all tokens of the picture


def noise_estimate_reference(deviation: Tensor, luminance: Tensor, sigma: Tensor, rise_rate: float) -> Tensor:
    """deviation, luminance [T] of a frame's tokens, in levels -> sigma [1 + BANDS], in levels, after this frame.

    deviation: the median absolute value of each token's finest diagonal Haar coefficients, of the difference between
    the newest frame and the one before. sigma: before this frame; the first is that of the whole picture.
    """
    every = torch.ones(1, len(deviation), dtype=torch.bool, device=deviation.device)
    members = band_of(luminance) == torch.arange(BANDS, device=luminance.device)[:, None]
    newest = _static_sigma(deviation, torch.cat([every, members]))
    is_measurable = (members & (deviation > MIN_CHANGE)).sum(dim=1) >= MIN_BAND_TOKENS
    own = torch.minimum(newest[1:], MAX_BAND_RATIO * newest[0])
    newest = torch.cat([newest[:1], torch.where(is_measurable, own, newest[0])])
    rate = torch.where(newest > sigma, rise_rate, FALL_RATE)
    return sigma + rate * (newest - sigma)


def band_of(luminance: Tensor) -> Tensor:
    """The band of each luminance in levels."""
    return (luminance * (1 / BAND_LEVELS)).long().clamp(0, BANDS - 1)


def _static_sigma(deviation: Tensor, members: Tensor) -> Tensor:
    """deviation [T], members [N, T] bool -> sigma of each set [N]; 0 where hardly any token of the set changes."""
    noisy = members & (deviation > MIN_CHANGE)
    count = noisy.sum(dim=1, keepdim=True)
    ordered = torch.where(noisy, deviation, torch.inf).sort(dim=1).values
    low = ordered.gather(1, (count * QUANTILE).long().clamp(max=len(deviation) - 1))
    sigma = (low * MAD_TO_SIGMA / FRAMES_SIGMA).clamp(max=MAX_SIGMA)
    return torch.where(count >= MIN_RATIO * members.sum(dim=1, keepdim=True), sigma, torch.zeros_like(sigma))[:, 0]


@jit
def _noise_estimate_kernel(
    deviation: Pointer,
    luminance: Pointer,
    sigma: Pointer,
    out: Pointer,
    tokens: int,
    rise_rate: float,
    MAD_TO_SIGMA: tl.constexpr,
    FRAMES_SIGMA: tl.constexpr,
    QUANTILE: tl.constexpr,
    MIN_RATIO: tl.constexpr,
    MIN_CHANGE: tl.constexpr,
    MAX_SIGMA: tl.constexpr,
    BAND_LEVELS: tl.constexpr,
    MIN_BAND_TOKENS: tl.constexpr,
    MAX_BAND_RATIO: tl.constexpr,
    FALL_RATE: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Program 0 for the whole picture, one for each band."""
    band = tl.program_id(0) - 1
    i = tl.arange(0, BLOCK)
    inside = i < tokens
    value = tl.load(deviation + i, mask=inside, other=0.0)
    noisy = value > MIN_CHANGE
    newest, _ = _member_sigma(value, noisy, inside, MAD_TO_SIGMA, FRAMES_SIGMA, QUANTILE, MIN_RATIO, MAX_SIGMA)
    if band >= 0:
        level = tl.load(luminance + i, mask=inside, other=0.0) * (1 / BAND_LEVELS)
        last = tl.num_programs(0) - 2
        members = inside & (tl.minimum(tl.maximum(level.to(tl.int32), 0), last) == band)
        own, count = _member_sigma(value, noisy, members, MAD_TO_SIGMA, FRAMES_SIGMA, QUANTILE, MIN_RATIO, MAX_SIGMA)
        newest = tl.where(count >= MIN_BAND_TOKENS, tl.minimum(own, MAX_BAND_RATIO * newest), newest)
    before = tl.load(sigma + band + 1)
    rate = tl.where(newest > before, rise_rate, FALL_RATE)
    tl.store(out + band + 1, before + rate * (newest - before))


@jit
def _member_sigma(  # type: ignore[no-untyped-def]
    value,
    noisy,
    members,
    MAD_TO_SIGMA: tl.constexpr,
    FRAMES_SIGMA: tl.constexpr,
    QUANTILE: tl.constexpr,
    MIN_RATIO: tl.constexpr,
    MAX_SIGMA: tl.constexpr,
):
    """`_static_sigma` of one set, and how many of its tokens change."""
    noisy = members & noisy
    count = tl.sum(noisy.to(tl.int32))
    low = ranked_value(value, noisy, (count * QUANTILE).to(tl.int32))
    is_noise = (count > 0) & (count >= MIN_RATIO * tl.sum(members.to(tl.int32)))
    return tl.where(is_noise, tl.minimum(low * MAD_TO_SIGMA / FRAMES_SIGMA, MAX_SIGMA), 0.0), count


def noise_estimate_triton(deviation: Tensor, luminance: Tensor, sigma: Tensor, rise_rate: float) -> Tensor:
    out = torch.empty_like(sigma)
    launch(
        _noise_estimate_kernel,
        len(out),
        *(deviation.contiguous(), luminance.contiguous(), sigma, out, len(deviation), rise_rate),
        MAD_TO_SIGMA=MAD_TO_SIGMA,
        FRAMES_SIGMA=FRAMES_SIGMA,
        QUANTILE=QUANTILE,
        MIN_RATIO=MIN_RATIO,
        MIN_CHANGE=MIN_CHANGE,
        MAX_SIGMA=MAX_SIGMA,
        BAND_LEVELS=BAND_LEVELS,
        MIN_BAND_TOKENS=MIN_BAND_TOKENS,
        MAX_BAND_RATIO=MAX_BAND_RATIO,
        FALL_RATE=FALL_RATE,
        BLOCK=block_size(len(deviation)),
        num_warps=WARPS,
    )
    return out


def examples(shapes: Shapes) -> Iterator[tuple[object, ...]]:
    tokens = shapes.tokens + 8 * MIN_BAND_TOKENS  # enough for estimates of single bands in a small picture, too
    deviation, light = shapes.uniform(2, tokens)
    sigma = torch.linspace(0, 4, 1 + BANDS, device=light.device)
    yield 3 * deviation, 200 * light, sigma, 1 / 16
    yield (deviation - 0.9).clamp(min=0), 256 * light, sigma, 1.0  # hardly any token changes
    yield 40 * deviation + 200 * light.round(), 60 * light.round(), sigma, 1 / 16


noise_estimate = Operation(noise_estimate_reference, noise_estimate_triton, examples)
