"""The noise of a block's denoising steps, drawn once per block at addresses that stay."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lipar_core.noise import draw_fixed_noise, draw_noise


class BlockNoise:
    """Buffers of one session: one for each denoising step, allocated when a schedule first has so many."""

    def __init__(self, like: Tensor) -> None:
        """like: a block's tokens [F * T, P]."""
        self.steps = [torch.zeros_like(like)]

    def reserve(self, steps: int) -> None:
        """Allocate the buffers of so many steps; existing ones stay."""
        self.steps += [torch.zeros_like(self.steps[0]) for _ in range(steps - len(self.steps))]

    def draw(self, steps: int, seed: int, block: int) -> Sequence[Tensor]:
        """[F * T, P] for each of so many steps, on the device, independent of the keep mask."""
        self.reserve(steps)
        for step, out in enumerate(self.steps[:steps]):
            draw_noise(out, seed, block, step)
        return self.steps[:steps]

    def draw_fixed(self, steps: int, seed: int, frames: int) -> Sequence[Tensor]:
        """As `draw`, the same for every block and latent frame."""
        self.reserve(steps)
        for step, out in enumerate(self.steps[:steps]):
            draw_fixed_noise(out, seed, frames, step)
        return self.steps[:steps]
