"""The anchor rule: compute a token when its source has changed since the token was last computed."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.kernels.token_change import token_change
from lipar_core.parameters import Pruning
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.pruning.masks import apply_min_keep
from lipar_core.pruning.source_noise import SourceNoise

TILE_FACTOR = 3.0  # times the threshold, for the worst tile of a single frame
DEFER_FACTOR = 1.25  # times the threshold: smaller changes are deferred, which spreads the cost of slow drift evenly
DEFER_PHASES = 4  # latent frames within which a deferred token is computed
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
            self.anchors = Anchors(now, torch.zeros(self.rows, self.cols, dtype=torch.long, device=now.device))
            self.newest = now
        mean, worst, deviation = token_change(now, self.anchors.source, self.newest[-1], self.rows)
        noise = 2 * self._sigma(now[-1], deviation) ** 2  # the variances of two frames add up
        self.newest = now
        change = torch.maximum(mean - noise, (worst - noise) / TILE_FACTOR**2)
        limit = pruning.threshold**2
        keep = (change > DEFER_FACTOR**2 * limit) | ((change > limit) & self._in_phase(change))
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

    def _sigma(self, newest: Tensor, deviation: Tensor) -> Tensor:
        """The noise of each token [rows, cols]."""
        luminance = F.adaptive_avg_pool2d(newest.mean(dim=0)[None], (self.rows, self.cols))
        return self.noise.update(deviation, luminance.flatten()).view(self.rows, self.cols)

    def _in_phase(self, change: Tensor) -> Tensor:
        """Which tokens may be computed for a deferred change now: each once in `DEFER_PHASES` frames, in diagonals."""
        row, col = (torch.arange(size, device=change.device) for size in change.shape)
        return (2 * row[:, None] + col + self.frames) % DEFER_PHASES == 0

    def _expiring(self, block: int, computed: Tensor, max_age: int) -> Tensor:
        """Tokens that would exceed `max_age` before their next refresh; refreshes are spread over blocks."""
        period = max(1, max_age // 2)
        position = torch.arange(computed.numel(), device=computed.device).view_as(computed)
        refresh = (position + block) % period == 0
        return refresh & (block - computed + period > max_age)

    def _update_anchors(self, now: Tensor, keep: Tensor, block: int) -> None:
        """Set the anchors of kept tokens to the current source."""
        assert self.anchors is not None
        height, width = now.shape[-2] // self.rows, now.shape[-1] // self.cols
        pixels = keep.repeat_interleave(height, 0).repeat_interleave(width, 1)
        self.anchors.source = torch.where(pixels, now, self.anchors.source)
        self.anchors.block = torch.where(keep, block, self.anchors.block)
