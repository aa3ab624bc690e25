"""Estimates the noise of a stream's source from the differences between consecutive latent frames.

The estimator is Donoho and Johnstone's (1994), applied to a temporal difference: the median absolute value of the
finest diagonal wavelet coefficients. Changes of light have none, motion few, white noise its full power. A sensor's
noise depends on the light, so that each band of luminance has its own estimate.
"""

import torch
from torch import Tensor

MAD_TO_SIGMA = 1 / 0.6745  # of a normal distribution, from its median absolute value
QUANTILE = 0.2  # of the tokens that change at all: those above may be moving
MIN_RATIO = 0.2  # of tokens that change at all: noise is everywhere, motion is not
MIN_CHANGE = 0.05  # levels: a token that changes less was not updated (static screen content, a skipped macroblock)
MAX_SIGMA = 12.0  # levels: larger values are motion
BANDS = 4  # of luminance, equally wide
MIN_BAND_TOKENS = 12  # that change at all: a band with fewer has the estimate of the whole picture
MAX_BAND_RATIO = 2.0  # times the estimate of the whole picture: a band in which all tokens move is not noise
LEVELS = 256
RISE_RATE, FALL_RATE = 1 / 16, 1 / 2  # step towards the newest estimate, per latent frame


class SourceNoise:
    """Estimates a stream's noise; rises slowly (so that a pan does not count) and falls fast. Stays on the device."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Discard all state of the stream."""
        self.frames = 0
        self.bands: Tensor | None = None  # sigma of each band of luminance, levels of 255 [BANDS]
        self.sigma: Tensor | None = None  # of the whole picture, []

    def update(self, deviation: Tensor, luminance: Tensor) -> Tensor:
        """deviation, luminance [T], once per latent frame -> sigma of each token in levels of 255 [T].

        deviation: the median absolute value of each token's finest diagonal Haar coefficients, of the difference
        between the newest frame and the one before; luminance: the newest frame's mean, levels. A stream's first frame
        has none before it: its deviation is ignored.
        """
        band = (luminance * (BANDS / LEVELS)).long().clamp(0, BANDS - 1)
        if self.bands is None or self.sigma is None:
            self.bands = torch.zeros(BANDS, device=deviation.device)
            self.sigma = self.bands[0]
            return self.bands[band]
        self.frames += 1
        whole = static_sigma(deviation[None], torch.ones_like(deviation, dtype=torch.bool)[None])[0]
        members = band == torch.arange(BANDS, device=band.device)[:, None]  # [BANDS, T]
        is_measurable = (members & (deviation > MIN_CHANGE)).sum(dim=1) >= MIN_BAND_TOKENS
        own = torch.minimum(static_sigma(deviation.expand(BANDS, -1), members), MAX_BAND_RATIO * whole)
        self.bands = self._step(self.bands, torch.where(is_measurable, own, whole))
        self.sigma = self._step(self.sigma, whole)
        return self.bands[band]

    def _step(self, sigma: Tensor, newest: Tensor) -> Tensor:
        rate = torch.where(newest > sigma, max(RISE_RATE, 1 / self.frames), FALL_RATE)
        return sigma + rate * (newest - sigma)


def static_sigma(deviation: Tensor, members: Tensor) -> Tensor:
    """deviation of two frames' difference, members bool, both [N, T] -> sigma of one frame's noise in each set.

    0 where hardly any token of the set changes.
    """
    noisy = members & (deviation > MIN_CHANGE)
    count = noisy.sum(dim=1, keepdim=True)
    ordered = torch.where(noisy, deviation, torch.inf).sort(dim=1).values
    low = ordered.gather(1, (count * QUANTILE).long().clamp(max=deviation.shape[1] - 1))
    sigma = (low * MAD_TO_SIGMA / 2**0.5).clamp(max=MAX_SIGMA)
    return torch.where(count >= MIN_RATIO * members.sum(dim=1, keepdim=True), sigma, torch.zeros_like(sigma))[:, 0]
