"""How noisy a stream's source is: what a token at rest differs by from one latent frame to the next.

The estimator is Donoho and Johnstone's (1994), of a difference in time: the median absolute value of the finest
diagonal wavelet coefficients. Light that changes has none, what moves has few, and white noise has its full share.
"""

import torch
from torch import Tensor

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
    """Median absolute Haar coefficient, finest and diagonal, of every token: [3, H, W] -> [T]."""
    across = change[..., 0::2] - change[..., 1::2]
    diagonal = (across[:, 0::2] - across[:, 1::2]) / 2  # as large as `change` where that is white
    channels, height, width = diagonal.shape
    tokens = diagonal.view(channels, rows, height // rows, cols, width // cols).permute(1, 3, 0, 2, 4)
    return tokens.reshape(rows * cols, -1).abs().median(dim=-1).values


def resting_sigma(deviation: Tensor) -> Tensor:
    """deviation [T] of two frames' difference -> sigma of one frame's noise, []; 0 where hardly any token changes."""
    noisy = deviation > EXACT
    count = noisy.sum()
    ordered = torch.where(noisy, deviation, torch.inf).sort().values
    low = ordered.gather(0, (count * QUANTILE).long().clamp(max=len(deviation) - 1).view(1))[0]
    sigma = (low * MAD_TO_SIGMA / 2**0.5).clamp(max=MAX_SIGMA)
    return torch.where(count >= MIN_RATIO * len(deviation), sigma, torch.zeros_like(sigma))
