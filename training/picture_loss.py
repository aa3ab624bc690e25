"""Visual distance of a decoded picture from its target."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from training.batches import TOKEN_SIZE

WINDOW, STRIDE = 7, 2  # pixels: SSIM windows, uniformly weighted, at every second position
STATIC_THRESHOLD = 0.04  # of 1: smaller changes between frames count as static
C1, C2 = 0.01**2, 0.03**2

SSIM_WEIGHT, SEAM_WEIGHT, FLICKER_WEIGHT, COLOUR_WEIGHT = 0.5, 3.0, 2.0, 2.0  # in `visual_loss`


def visual_loss(output: Tensor, target: Tensor) -> Tensor:
    """The loss of renderer and editor: visual distance, colours, seams and flicker of [B, N, 3, H, W], any dtype.

    The pictures begin at a token's border.
    """
    with torch.autocast(output.device.type, enabled=False):
        output, target = output.float(), target.float()
        pictures = picture_loss(output.flatten(0, 1), target.flatten(0, 1), SSIM_WEIGHT)
        error = (output - target).flatten(0, 1)
        parts = SEAM_WEIGHT * seam_error(error) + COLOUR_WEIGHT * colour_error(error)
        return 4 * (pictures + parts + FLICKER_WEIGHT * flicker(output, target))


def picture_loss(output: Tensor, target: Tensor, structure: float) -> Tensor:
    """Difference, weighted 1 - SSIM, and edges of float32 pictures [N, 3, H, W] in [0, 1]."""
    error = output - target
    size = error.abs().mean() + 4 * (error**2).mean()
    return size + structure * (1 - _ssim(output, target)) + 0.25 * _edges(error)


def colour_error(error: Tensor) -> Tensor:
    """Mean size of an error [N, 3, H, W] averaged over each token: penalises wrong colours more than wrong detail."""
    return avg_pool2d(error, TOKEN_SIZE).abs().mean()


def seam_error(error: Tensor) -> Tensor:
    """Mean gradient across the borders of tokens of an error [N, 3, H, W]: penalises a visible token grid."""
    total = error.new_zeros(())
    for dim in (-1, -2):
        steps = error.diff(dim=dim).abs().transpose(dim, -1)
        total = total + steps[..., TOKEN_SIZE - 1 :: TOKEN_SIZE].mean()
    return total / 2


def flicker(output: Tensor, target: Tensor) -> Tensor:
    """Mean change between frames [B, N, 3, H, W] in [0, 1] where the target is static."""
    still = target.diff(dim=1).abs() < STATIC_THRESHOLD
    return (output.diff(dim=1).abs() * still).mean()


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Mean SSIM (Wang et al. 2004). A Gaussian window, as in `lipar eval`, would cost ten times the decoder's pass."""
    mean_x = _window_mean(x)
    mean_y = _window_mean(y)
    spread_x = _window_mean(x * x) - mean_x**2
    spread_y = _window_mean(y * y) - mean_y**2
    both = _window_mean(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (light * (2 * both + C2) / (spread_x + spread_y + C2)).mean()


def _window_mean(x: Tensor) -> Tensor:
    return avg_pool2d(x, WINDOW, STRIDE)


def _edges(error: Tensor) -> Tensor:
    """Mean gradient of the error [N, 3, H, W] at full, half and quarter size: penalises blur and coarse blocks."""
    total = error.new_zeros(())
    for _ in range(3):
        total = total + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        error = avg_pool2d(error, 2)
    return total / 2
