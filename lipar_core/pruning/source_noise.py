"""The noise of a stream's source, from the differences between consecutive latent frames."""

import torch
from torch import Tensor

from lipar_core.kernels.noise_estimate import BANDS, noise_estimate

RISE_RATE = 1 / 16  # step towards a higher estimate, per latent frame; a stream's first ones count more


class SourceNoise:
    """Estimates a stream's noise; rises slowly (so that a pan does not count) and falls fast. Stays on the device."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Discard all state of the stream."""
        self.frames = 0
        self._sigmas: Tensor | None = None  # [1 + BANDS]

    @property
    def sigma(self) -> Tensor | None:
        """Of the whole picture, levels of 255 []."""
        return None if self._sigmas is None else self._sigmas[0]

    def update(self, deviation: Tensor, luminance: Tensor) -> Tensor:
        """As `noise_estimate`, once per latent frame -> sigma of each band of luminance, levels of 255 [BANDS].

        A stream's first frame has none before it: its deviation is ignored.
        """
        if self._sigmas is None:
            self._sigmas = torch.zeros(1 + BANDS, device=deviation.device)
        else:
            self.frames += 1
            self._sigmas = noise_estimate(deviation, luminance, self._sigmas, max(RISE_RATE, 1 / self.frames))
        return self._sigmas[1:]
