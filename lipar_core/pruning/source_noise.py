"""Estimates the noise of a stream's source from the differences between consecutive latent frames.

The estimator is Donoho and Johnstone's (1994), applied to a temporal difference: the median absolute value of the
finest diagonal wavelet coefficients. Changes of light have none, motion few, white noise its full power.
"""

import torch
from torch import Tensor

MAD_TO_SIGMA = 1 / 0.6745  # of a normal distribution, from its median absolute value
QUANTILE = 0.2  # of the tokens that change at all: those above may be moving
MIN_RATIO = 0.2  # of tokens that change at all: noise is everywhere, motion is not
MIN_CHANGE = 0.05  # levels: a token that changes less was not updated (static screen content, a skipped macroblock)
MAX_SIGMA = 12.0  # levels: larger values are motion
RISE_RATE, FALL_RATE = 1 / 16, 1 / 2  # step towards the newest estimate, per latent frame


class SourceNoise:
    """Estimates a stream's noise; rises slowly (so that a pan does not count) and falls fast. Stays on the device."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Discard all state of the stream."""
        self.frames = 0
        self.sigma: Tensor | None = None  # levels of 255, []

    def update(self, deviation: Tensor) -> Tensor:
        """deviation [T] of the newest frame from the one before, once per latent frame -> sigma in levels, [].

        The median absolute value of each token's finest diagonal Haar coefficients. A stream's first frame has none
        before it: its deviation is ignored.
        """
        if self.sigma is None:
            self.sigma = torch.zeros((), device=deviation.device)
            return self.sigma
        self.frames += 1
        newest = static_sigma(deviation)
        rate = torch.where(newest > self.sigma, max(RISE_RATE, 1 / self.frames), FALL_RATE)
        self.sigma = self.sigma + rate * (newest - self.sigma)
        return self.sigma


def static_sigma(deviation: Tensor) -> Tensor:
    """deviation [T] of two frames' difference -> sigma of one frame's noise, []; 0 if hardly any token changes."""
    noisy = deviation > MIN_CHANGE
    count = noisy.sum()
    ordered = torch.where(noisy, deviation, torch.inf).sort().values
    low = ordered.gather(0, (count * QUANTILE).long().clamp(max=len(deviation) - 1).view(1))[0]
    sigma = (low * MAD_TO_SIGMA / 2**0.5).clamp(max=MAX_SIGMA)
    return torch.where(count >= MIN_RATIO * len(deviation), sigma, torch.zeros_like(sigma))
