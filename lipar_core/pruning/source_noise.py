"""How noisy a stream's source is: what a token at rest differs by from one latent frame to the next."""

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 8  # pixels: what changes a tile of this size as a whole is light, and no noise
MAD_TO_SIGMA = 1 / 0.6745  # of a normal distribution, from its median absolute value
QUANTILE = 0.2  # of the tokens that do not rest exactly: those above may move
MIN_RATIO = 0.2  # of tokens that do not rest exactly: noise is everywhere, a change is not
EXACT = 0.05  # levels: a token that changes less was not drawn anew (a still screen, a skipped macroblock)
MAX_SIGMA = 12.0  # levels: what looks noisier moves
RISE, FALL = 1 / 16, 1 / 2  # of the way to the newest estimate, per latent frame


class SourceNoise:
    """Estimates a stream's noise, slow to rise (a pan passes) and quick to fall; all of it stays on the device."""

    def __init__(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self.frames = 0
        self.before: Tensor | None = None  # the newest frame [3, H, W]
        self.sigma: Tensor | None = None  # levels of 255, []

    def update(self, frame: Tensor) -> Tensor:
        """frame [3, H, W] in levels of 255, one of each latent frame -> sigma in levels, []."""
        before, self.before = self.before, frame
        if before is None or self.sigma is None:
            self.sigma = torch.zeros((), device=frame.device)
            return self.sigma
        self.frames += 1
        newest = resting_sigma(token_deviation(frame - before, self.rows, self.cols))
        share = torch.where(newest > self.sigma, max(RISE, 1 / self.frames), FALL)
        self.sigma = self.sigma + share * (newest - self.sigma)
        return self.sigma


def token_deviation(change: Tensor, rows: int, cols: int) -> Tensor:
    """Median absolute change of a token's pixels, without what its tiles change by as a whole: [3, H, W] -> [T]."""
    mean = F.avg_pool2d(change[None], TILE)
    fine = change - F.interpolate(mean, scale_factor=TILE)[0]
    channels, height, width = fine.shape
    tokens = fine.view(channels, rows, height // rows, cols, width // cols).permute(1, 3, 0, 2, 4)
    return tokens.reshape(rows * cols, -1).abs().median(dim=-1).values


def resting_sigma(deviation: Tensor) -> Tensor:
    """deviation [T] of two frames' difference -> sigma of one frame's noise, []; 0 where hardly any token changes."""
    noisy = deviation > EXACT
    count = noisy.sum()
    ordered = torch.where(noisy, deviation, torch.inf).sort().values
    low = ordered.gather(0, (count * QUANTILE).long().clamp(max=len(deviation) - 1).view(1))[0]
    sigma = (low * MAD_TO_SIGMA / 2**0.5).clamp(max=MAX_SIGMA)
    return torch.where(count >= MIN_RATIO * len(deviation), sigma, torch.zeros_like(sigma))
