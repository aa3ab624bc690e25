"""Selects the detector that a stream's parameters name."""

from typing import Literal

from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.parameters import Pruning
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.lipar import LiparDetector


class Detector:
    """Finds the tokens whose source has changed. After a switch of detectors the next block is kept in full."""

    def __init__(self, stream: StreamConfig) -> None:
        self.anchor = AnchorDetector(stream.rows, stream.cols, stream.block_frames, stream.frames_per_latent)
        self.lipar = LiparDetector(stream.rows, stream.cols, stream.block_frames, stream.patch)
        self.kind: Literal["anchor", "lipar"] | None = None

    def reset(self) -> None:
        """Discard all state: the next block is a stream's first."""
        self.anchor.reset()
        self.lipar.reset()
        self.kind = None

    def __call__(
        self,
        frames: Tensor,
        latents: Tensor,
        pruning: Pruning,
        *,
        force: bool = False,
        active: ActiveTokens | None = None,
    ) -> Tensor:
        """frames [N, 3, H, W] in [0, 1] and their latents [F, C, h, w] -> keep [F, rows, cols] bool.

        active: the tokens that may be kept (None: all); those that enter are kept.
        """
        if pruning.detector != self.kind:
            self.reset()
            self.kind = pruning.detector
        if pruning.detector == "anchor":
            return self.anchor(frames, pruning, force=force, active=active)
        return self.lipar(latents, pruning, force=force, active=active)

    @property
    def computed(self) -> Tensor:
        """The block in which each position was last computed [rows, cols]."""
        return self._chosen.computed

    def refresh(self, positions: Tensor) -> None:
        """Tokens of the newest latent frame are computed although their source rests: `positions` [rows, cols] bool."""
        self._chosen.refresh(positions)

    @property
    def _chosen(self) -> AnchorDetector | LiparDetector:
        return self.anchor if self.kind == "anchor" else self.lipar

    def noise_levels(self) -> Tensor | None:
        """The source's estimated noise, levels of 255 []; None if the active detector does not estimate it."""
        return self.anchor.noise.sigma if self.kind == "anchor" else None
