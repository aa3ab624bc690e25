"""How far a decoded picture is from the one that was wanted, to the eye."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW, STRIDE = 7, 2  # pixels: SSIM's windows, square and evenly weighted, at every second place
STILL = 0.04  # of 1: a smaller change from frame to frame is none
C1, C2 = 0.01**2, 0.03**2


STRUCTURE, FLICKER = 0.5, 4.0  # weights of SSIM and of flicker in `look_loss`


def look_loss(ours: Tensor, wanted: Tensor) -> Tensor:
    """What renderer and editor are learned by: pictures and their change, [B, N, 3, H, W] of any type, to the eye."""
    with torch.autocast(ours.device.type, enabled=False):
        ours, wanted = ours.float(), wanted.float()
        pictures = picture_loss(ours.flatten(0, 1), wanted.flatten(0, 1), STRUCTURE)
        return 4 * (pictures + FLICKER * flicker(ours, wanted))


def picture_loss(ours: Tensor, wanted: Tensor, structure: float) -> Tensor:
    """Difference, structure (1 - SSIM, so weighted) and edges of float32 pictures [N, 3, H, W] in [0, 1]."""
    error = ours - wanted
    size = error.abs().mean() + 4 * (error**2).mean()
    return size + structure * (1 - _ssim(ours, wanted)) + 0.25 * _edges(error)


def flicker(ours: Tensor, wanted: Tensor) -> Tensor:
    """How much pictures [B, N, 3, H, W] in [0, 1] change from frame to frame where what is wanted stands still."""
    still = wanted.diff(dim=1).abs() < STILL
    return (ours.diff(dim=1).abs() * still).mean()


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Mean SSIM (Wang et al. 2004): a Gaussian window, as in `lipar eval`, costs ten times the decoder's own pass."""
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    spread_x, spread_y = _window_mean(x * x) - mean_x**2, _window_mean(y * y) - mean_y**2
    both = _window_mean(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (light * (2 * both + C2) / (spread_x + spread_y + C2)).mean()


def _window_mean(x: Tensor) -> Tensor:
    return avg_pool2d(x, WINDOW, STRIDE)


def _edges(error: Tensor) -> Tensor:
    """Mean gradient of the error [N, 3, H, W] at full, half and quarter size: blur costs extra, coarse blocks too."""
    total = error.new_zeros(())
    for _ in range(3):
        total = total + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        error = avg_pool2d(error, 2)
    return total / 2
