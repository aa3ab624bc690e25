"""Image metrics: PSNR, SSIM, flicker, token grid, seams. Frames are [N, 3, H, W] in [0, 1]."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

Metric = Callable[[Tensor, Tensor], float]

STATIC_THRESHOLD = 2 / 255  # a pixel that changes less between frames is static
FRAME_STEP = 4  # SSIM and LPIPS use every fourth frame: they are slow, and neighbours are similar


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio over all frames together, dB; 120 if they are equal."""
    return -10 * math.log10(float(((a - b) ** 2).mean()) + 1e-12)


def ssim(a: Tensor, b: Tensor) -> float:
    """Mean structural similarity (Wang et al. 2004)."""
    value = structural_similarity_index_measure(a[::FRAME_STEP], b[::FRAME_STEP], data_range=1.0)
    assert isinstance(value, Tensor)
    return float(value)


def flicker(frames: Tensor, source: Tensor) -> float:
    """Mean change between frames in static regions of the source, in levels of 255; NaN if there are none."""
    still = source.diff(dim=0).abs().mean(dim=1) < STATIC_THRESHOLD
    return float(frames.diff(dim=0).abs().mean(dim=1)[still].mean()) * 255


def grid_ratio(frames: Tensor, token: int) -> float:
    """Mean gradient across the borders of tokens of `token` pixels, over that elsewhere: 1 without a visible grid."""
    ratios = []
    for dim in (-1, -2):
        steps = frames.diff(dim=dim).abs().transpose(dim, -1)
        border = torch.arange(1, steps.shape[-1] + 1) % token == 0
        ratios.append(steps[..., border].mean() / steps[..., ~border].mean().clamp(min=1e-6))
    return float(sum(ratios)) / 2


def seam_ratio(frames: Tensor, expected: Tensor, keep: Tensor) -> float:
    """Mean gradient across borders between kept and pruned tokens (keep [F, rows, cols]), over that in `expected`.

    1 without visible seams; NaN if no such border exists.
    """
    ours, theirs = 0.0, 0.0
    for dim in (-1, -2):
        mask = keep.transpose(dim, -1)
        is_seam = mask[..., 1:] != mask[..., :-1]  # [F, lines, borders]
        ours += float(_border_gradient(frames.transpose(dim, -1), mask.shape)[is_seam].sum())
        theirs += float(_border_gradient(expected.transpose(dim, -1), mask.shape)[is_seam].sum())
    return ours / theirs if theirs else math.nan


def _border_gradient(frames: Tensor, shape: torch.Size) -> Tensor:
    """[N, 3, H, W] -> mean absolute difference across each token's right border [F, rows, cols - 1]."""
    latent_frames, rows, cols = shape
    token = frames.shape[-1] // cols
    steps = (frames[..., token::token] - frames[..., token - 1 : -1 : token]).abs().mean(dim=1)  # [N, H, cols - 1]
    parts = latent_frames, len(frames) // latent_frames, rows, frames.shape[-2] // rows, cols - 1
    return steps.view(parts).mean(dim=(1, 3))


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's correlation of two series [N]."""
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])
