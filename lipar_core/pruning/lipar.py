"""The paper's detector, made causal and with bounded drift: source latents in, keep mask out."""

import torch
from torch import Tensor

from lipar_core.kernels.cleaned_mask import cleaned_mask
from lipar_core.kernels.grid_median import grid_median
from lipar_core.kernels.grid_smoothing import grid_smoothing
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_core.parameters import Pruning
from lipar_core.patches import patchify
from lipar_core.pruning.active_tokens import ActiveTokens
from lipar_core.pruning.masks import apply_min_keep


class LiparDetector:
    """Finds tokens whose source has changed since the previous frame or since they were last computed.

    The result does not depend on how the stream is split into calls.
    """

    def __init__(self, rows: int, cols: int, block_frames: int, patch: int) -> None:
        self.rows = rows
        self.cols = cols
        self.block_frames = block_frames
        self.patch = patch
        self.reset()

    def reset(self) -> None:
        """Discard all state: the next block is a stream's first."""
        self.frames = 0
        self.latest: Tensor | None = None  # patches of the newest frame [T, P]
        self.distance: Tensor | None = None  # its distance to the previous frame, median-filtered [rows, cols]
        self.undilated: Tensor | None = None  # its mask before dilation [rows, cols]
        self.anchor: Tensor | None = None  # the source when each patch was last kept [T, P]
        self.kept_block: Tensor | None = None  # number of the block in which that was [rows, cols]

    def __call__(
        self, latents: Tensor, pruning: Pruning, *, force: bool = False, active: ActiveTokens | None = None
    ) -> Tensor:
        """latents [F, C, h, w] -> keep [F, rows, cols] bool. `force` keeps all, and so does a stream's first block.

        active: the tokens that may be kept (None: all); those that enter are kept.
        """
        patches = patchify(latents.float(), self.patch)  # [F, T, P]
        smoothed = self._smoothed_distance(patches)
        return torch.stack(
            [self._keep_mask(*pair, pruning, force, active) for pair in zip(patches, smoothed, strict=True)]
        )

    def _smoothed_distance(self, patches: Tensor) -> Tensor:
        """Distance of every frame to the previous one, smoothed in space and time: [F, rows, cols]."""
        first = self.latest is None
        before = torch.cat([(patches[0] if first else self.latest)[None], patches[:-1]])  # type: ignore[index]
        distance = grid_median(trimmed_distance(patches, before).unflatten(-1, (self.rows, self.cols)))
        earlier = torch.cat([(distance[0] if self.distance is None else self.distance)[None], distance[:-1]])
        if self.frames < 2 and len(distance) > 1 - self.frames:
            second = 1 - self.frames  # frame 0 has no distance, so frame 1 is not smoothed in time
            earlier[second] = distance[second]
        smoothed = grid_smoothing(distance, earlier)
        if first:
            smoothed[0] = 0
        self.latest = patches[-1]
        self.distance = distance[-1]
        return smoothed

    def _keep_mask(
        self, patches: Tensor, smoothed: Tensor, pruning: Pruning, force: bool, active: ActiveTokens | None
    ) -> Tensor:
        block = self.frames // self.block_frames
        force = force or not pruning.enabled or block == 0
        if self.anchor is None or self.undilated is None or self.kept_block is None:
            changed = drifted = torch.zeros_like(smoothed, dtype=torch.bool)
        else:
            drifted = trimmed_distance(patches, self.anchor).view_as(smoothed) > pruning.tau2
            changed = (smoothed > pruning.tau) | drifted
        raw, keep = cleaned_mask(changed, changed if self.undilated is None else self.undilated)
        if pruning.min_keep > 0:
            keep = apply_min_keep(keep, smoothed, pruning.min_keep, active)
        if pruning.bound_drift:
            keep = keep | drifted
        if pruning.max_age > 0 and self.kept_block is not None and self.frames % self.block_frames == 0:
            keep = keep | (block - self.kept_block >= pruning.max_age)
        if force:
            keep = torch.ones_like(keep)
        if active is not None:
            keep = active.limit(keep)
        self.undilated = raw
        self._update_anchors(patches, keep, block)
        self.frames += 1
        return keep

    @property
    def computed(self) -> Tensor:
        """The block in which each position was last computed [rows, cols]."""
        assert self.kept_block is not None
        return self.kept_block

    def refresh(self, positions: Tensor) -> None:
        """The newest latent frame's tokens at these positions [rows, cols] are computed as well."""
        assert self.latest is not None
        self._update_anchors(self.latest, positions, (self.frames - 1) // self.block_frames)

    def _update_anchors(self, patches: Tensor, keep: Tensor, block: int) -> None:
        if self.anchor is None or self.kept_block is None:
            self.anchor = patches
            self.kept_block = torch.zeros_like(keep, dtype=torch.long)
        else:
            self.anchor = torch.where(keep.view(-1, 1), patches, self.anchor)
            self.kept_block.masked_fill_(keep, block)
