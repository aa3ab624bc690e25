"""The anchor rule: compute a token when its source has changed since the token was last computed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lipar_core.kernels.changed_tokens import changed_tokens
from lipar_core.kernels.replace_tokens import replace_tokens
from lipar_core.kernels.token_change import token_change
from lipar_core.parameters import Pruning
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.pruning.masks import apply_min_keep
from lipar_core.pruning.source_noise import SourceNoise

LEVELS = 255


@dataclass(slots=True)
class Anchors:
    """The source that each token was last computed from, and when."""

    source: Tensor  # frames of a latent frame [n, 3, H, W] in levels
    block: Tensor  # number of the block in which it was computed [rows, cols]


class AnchorDetector:
    """Source frames in, keep mask out. Causal, independent of the split into calls, without host reads."""

    def __init__(self, rows: int, cols: int, block_frames: int, frames_per_latent: int) -> None:
        self.rows = rows
        self.cols = cols
        self.block_frames = block_frames
        self.frames_per_latent = frames_per_latent
        self.noise = SourceNoise()
        self.reset()

    def reset(self) -> None:
        """Discard all state: the next block is a stream's first."""
        self.frames = 0  # latent frames seen
        self.anchors: Anchors | None = None
        self.newest: Tensor | None = None  # latent frame: frames [n, 3, H, W] in levels
        self.noise.reset()

    def __call__(
        self, frames: Tensor, pruning: Pruning, *, force: bool = False, active: ActiveTokens | None = None
    ) -> Tensor:
        """frames [N, 3, H, W] in [0, 1] -> keep [F, rows, cols] bool. `force` keeps all, as in the first block.

        active: the tokens that may be kept (None: all); those that enter are kept.
        """
        parts = (frames.float() * LEVELS).split(self.frames_per_latent)
        keep = torch.stack([self._keep_mask(part, pruning, force, active) for part in parts])
        self.newest = parts[-1].clone()  # without the memory of all parts
        return keep

    def _keep_mask(self, now: Tensor, pruning: Pruning, force: bool, active: ActiveTokens | None) -> Tensor:
        block = self.frames // self.block_frames
        if self.anchors is None or self.newest is None:
            self.anchors = Anchors(now.clone(), torch.zeros(self.rows, self.cols, dtype=torch.long, device=now.device))
            self.newest = now
        mean, worst, deviation, luminance = token_change(now, self.anchors.source, self.newest[-1], self.rows)
        sigma = self.noise.update(deviation, luminance)
        self.newest = now
        keep = changed_tokens(mean, worst, luminance, sigma, pruning.threshold, self.frames)
        if pruning.min_keep > 0:
            keep = apply_min_keep(keep, mean, pruning.min_keep, active)
        if pruning.max_age > 0 and self.frames % self.block_frames == 0:
            keep = keep | self._expiring(block, self.anchors.block, pruning.max_age)
        if force or not pruning.enabled or block == 0:
            keep = torch.ones_like(keep)
        if active is not None:
            keep = active.limit(keep)
        self._update_anchors(now, keep, block)
        self.frames += 1
        return keep

    @property
    def computed(self) -> Tensor:
        """The block in which each position was last computed [rows, cols]."""
        assert self.anchors is not None
        return self.anchors.block

    def refresh(self, positions: Tensor) -> None:
        """The newest latent frame's tokens at these positions [rows, cols] are computed as well."""
        assert self.newest is not None
        self._update_anchors(self.newest, positions, (self.frames - 1) // self.block_frames)

    def _expiring(self, block: int, computed: Tensor, max_age: int) -> Tensor:
        """Tokens that would exceed `max_age` before their next refresh; refreshes are spread over blocks."""
        period = max(1, max_age // 2)
        position = torch.arange(computed.numel(), device=computed.device).view_as(computed)
        refresh = (position + block) % period == 0
        return refresh & (block - computed + period > max_age)

    def _update_anchors(self, now: Tensor, keep: Tensor, block: int) -> None:
        """Set the anchors of kept tokens to the current source."""
        assert self.anchors is not None
        replace_tokens(self.anchors.source, self.anchors.block, now, keep, block)
