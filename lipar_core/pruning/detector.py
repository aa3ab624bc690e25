"""The detector that a stream's parameters name."""

from typing import Literal

from torch import Tensor

from lipar_core.parameters import Pruning
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.lipar import LiparDetector


class Detector:
    """Finds the tokens whose source has changed. One that takes over from another begins with a whole block."""

    def __init__(self, rows: int, cols: int, block_frames: int, patch: int) -> None:
        self.anchor = AnchorDetector(rows, cols, block_frames)
        self.lipar = LiparDetector(rows, cols, block_frames, patch)
        self.running: Literal["anchor", "lipar"] | None = None

    def reset(self) -> None:
        """Forget the stream: the next block is its first."""
        self.anchor.reset()
        self.lipar.reset()
        self.running = None

    def __call__(self, frames: Tensor, latents: Tensor, pruning: Pruning, *, force: bool = False) -> Tensor:
        """frames [4F, 3, H, W] in [0, 1] and their latents [F, C, h, w] -> keep [F, rows, cols] bool."""
        if pruning.detector != self.running:
            self.reset()
            self.running = pruning.detector
        if pruning.detector == "anchor":
            return self.anchor(frames, pruning, force=force)
        return self.lipar(latents, pruning, force=force)

    def noise_levels(self) -> Tensor | None:
        """The source's estimated noise, levels of 255 []; None where the running detector does not estimate it."""
        return self.anchor.noise.sigma if self.running == "anchor" else None
