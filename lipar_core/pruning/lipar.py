"""The paper's detector, made causal and bounded: source latents in, keep mask out. Its state makes splits invisible."""

import math

import torch
from torch import Tensor

from lipar_core.parameters import Pruning
from lipar_core.patches import patchify
from lipar_core.pruning.masks import SMOOTHING_SIGMA, at_least, clean_mask, dilate, gaussian3x3, median3x3

TRIM = (0.2, 0.8)  # the share of a patch's sorted differences that its distance is the mean of


class LiparDetector:
    """Finds the tokens whose source has changed, against the frame before or since they were last computed."""

    def __init__(self, rows: int, cols: int, block_frames: int, patch: int) -> None:
        self.rows, self.cols, self.block_frames, self.patch = rows, cols, block_frames, patch
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next block is its first."""
        self.frames = 0
        self.latest: Tensor | None = None  # patches of the newest frame [T, P]
        self.distance: Tensor | None = None  # its distance to the one before, median-filtered [rows, cols]
        self.undilated: Tensor | None = None  # its mask before dilation [rows, cols]
        self.anchor: Tensor | None = None  # the source when each patch was last kept [T, P]
        self.kept_block: Tensor | None = None  # and the number of that block [rows, cols]

    def __call__(self, latents: Tensor, pruning: Pruning, *, force: bool = False) -> Tensor:
        """latents [F, C, h, w] -> keep [F, rows, cols] bool. `force` keeps all, and so does a stream's first block."""
        patches = patchify(latents.float(), self.patch)  # [F, T, P]
        smoothed = self._smoothed_distance(patches)
        return torch.stack([self._frame(*pair, pruning, force) for pair in zip(patches, smoothed, strict=True)])

    def _smoothed_distance(self, patches: Tensor) -> Tensor:
        """Short-term distance of every frame, smoothed in space and with the frame before: [F, rows, cols]."""
        first = self.latest is None
        before = torch.cat([(patches[0] if first else self.latest)[None], patches[:-1]])  # type: ignore[index]
        distance = median3x3(trimmed_distance(patches, before).unflatten(-1, (self.rows, self.cols)))
        earlier = torch.cat([(distance[0] if self.distance is None else self.distance)[None], distance[:-1]])
        if self.frames < 2 and len(distance) > 1 - self.frames:
            one = 1 - self.frames  # frame 0 has no distance, so at frame 1 all temporal weight is on its own
            earlier[one] = distance[one]
        weight = math.exp(-1 / (2 * SMOOTHING_SIGMA**2))
        smoothed = gaussian3x3((distance + weight * earlier) / (1 + weight))
        if first:
            smoothed[0] = 0
        self.latest, self.distance = patches[-1], distance[-1]
        return smoothed

    def _frame(self, patches: Tensor, smoothed: Tensor, pruning: Pruning, force: bool) -> Tensor:
        block = self.frames // self.block_frames
        force = force or not pruning.enabled or block == 0
        if self.anchor is None or self.undilated is None or self.kept_block is None:
            raw = past = torch.zeros_like(smoothed, dtype=torch.bool)
        else:
            past = trimmed_distance(patches, self.anchor).view_as(smoothed) > pruning.tau2
            raw = clean_mask((smoothed > pruning.tau) | past)
        keep = dilate(raw if self.undilated is None else raw | self.undilated, 5)
        if pruning.min_keep > 0:
            keep = at_least(keep, smoothed, pruning.min_keep)
        if pruning.bound_drift:
            keep = keep | past
        if pruning.max_age > 0 and self.kept_block is not None and self.frames % self.block_frames == 0:
            keep = keep | (block - self.kept_block >= pruning.max_age)
        if force:
            keep = torch.ones_like(keep)
        self._remember(patches, raw, keep, block)
        return keep

    def _remember(self, patches: Tensor, raw: Tensor, keep: Tensor, block: int) -> None:
        self.undilated = raw
        if self.anchor is None or self.kept_block is None:
            self.anchor, self.kept_block = patches, torch.zeros_like(keep, dtype=torch.long)
        else:
            self.anchor = torch.where(keep.view(-1, 1), patches, self.anchor)
            self.kept_block = torch.where(keep, block, self.kept_block)
        self.frames += 1


def trimmed_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean of the middle of the sorted |a - b|: [..., P] -> [...]. Robust to single latent values that jump."""
    low, high = (int(share * a.shape[-1]) for share in TRIM)
    return (a - b).abs().sort(dim=-1).values[..., low:high].mean(dim=-1)
