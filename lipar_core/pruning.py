"""The detector: source latents in, keep mask out (design section 4.1). Causal; its state makes splits invisible."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.parameters import Pruning
from lipar_core.patches import patchify

TRIM = (0.2, 0.8)  # the share of a patch's sorted differences that its distance is the mean of
SMOOTHING_SIGMA = 1.5  # tokens and latent frames


class Detector:
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


def median3x3(x: Tensor) -> Tensor:
    """Spatial median of [F, rows, cols], edges replicated."""
    return _neighbours(x).median(dim=1).values


def gaussian3x3(x: Tensor) -> Tensor:
    """Spatial Gaussian of [F, rows, cols], edges replicated."""
    offsets = torch.tensor([-1.0, 0.0, 1.0], device=x.device)
    line = torch.exp(-(offsets**2) / (2 * SMOOTHING_SIGMA**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    return (_neighbours(x) * kernel.view(1, 9, 1, 1)).sum(dim=1)


def clean_mask(mask: Tensor) -> Tensor:
    """Majority of 3x3, then morphological open and close: [rows, cols] bool."""
    majority = _neighbours(mask[None].float()).sum(dim=1)[0] > 4
    opened = dilate(erode(majority, 3), 3)
    return erode(dilate(opened, 3), 3)


def dilate(mask: Tensor, size: int) -> Tensor:
    """True where any of the size x size neighbours inside the picture is."""
    return F.max_pool2d(mask[None].float(), size, stride=1, padding=size // 2)[0] > 0


def erode(mask: Tensor, size: int) -> Tensor:
    """True where all of the size x size neighbours inside the picture are."""
    return ~dilate(~mask, size)


def at_least(keep: Tensor, score: Tensor, share: float) -> Tensor:
    """Add the tokens with the largest score until a frame that has any reaches the share."""
    needed = math.ceil(share * keep.numel())
    order = torch.where(keep, torch.inf, score).flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(order.numel(), device=order.device))
    return keep | ((rank.view_as(keep) < needed) & keep.any())


def _neighbours(x: Tensor) -> Tensor:
    """[F, rows, cols] -> [F, 9, rows, cols], edges replicated."""
    padded = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")
    return F.unfold(padded, 3).view(len(x), 9, *x.shape[-2:])
