"""A block's region at the resolutions of pixels, tokens and latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.models.interfaces import LatentArea
from lipar_core.region import decode_mask

if TYPE_CHECKING:
    from lipar_core.config import StreamConfig
    from lipar_core.region import Region

LEVELS = 255


@dataclass(frozen=True, slots=True)
class BlockRegion:
    """What of a block's picture is edited: the same tokens in all its latent frames, pixels frame by frame."""

    mode: Literal["edit", "freeze"]
    weight: Tensor  # of the edited picture [n, 1, H, W] in [0, 1], on the device; n: 1, or one per frame of the block
    tokens: Tensor  # those with any weight [rows, cols] bool, on the CPU

    def area(self, stream: StreamConfig) -> LatentArea:
        """The smallest rectangle of latents with all tokens."""
        rows = self.tokens.any(dim=1).nonzero().flatten().tolist()
        cols = self.tokens.any(dim=0).nonzero().flatten().tolist()
        if not rows:
            return LatentArea(0, 0, 0, 0)
        patch = stream.patch
        return LatentArea(rows[0] * patch, (rows[-1] + 1) * patch, cols[0] * patch, (cols[-1] + 1) * patch)


def block_region(
    region: Region, stream: StreamConfig, device: torch.device, masks: Tensor | None = None
) -> BlockRegion | None:
    """The region of a block; None: everything is edited.

    masks [n, h, w] in [0, 1] of the whole picture at any resolution, on the CPU, n = 1 or one per frame, replace the
    region's own box or mask. They are feathered at their own resolution: small ones cost little.
    """
    if masks is None:
        if not region.is_set:
            return None
        masks = _settings_mask(region, stream)[None]
    inside = feathered(masks, round(region.feather * min(masks.shape[1:])))
    weight = (inside if region.mode == "edit" else 1 - inside)[:, None]
    if bool((weight == 1).all()):
        return None
    size = stream.height, stream.width
    tokens = F.max_pool2d(_scaled(weight.amax(dim=0)[None], size), stream.token_size)[0, 0] > 0
    return BlockRegion(region.mode, _scaled(weight.to(device), size), tokens)


def feathered(masks: Tensor, width: int) -> Tensor:
    """masks [n, H, W] in [0, 1] -> the same with an edge that rises over `width` pixels, inside of what is above 0.

    Outside nothing changes. The picture's border is no edge. A straight edge rises linearly.
    """
    if not width:
        return masks
    inside = (masks > 0).float()[:, None]
    padded = F.pad(inside, (width,) * 4, mode="replicate")
    side = 2 * width + 1
    mean = F.avg_pool2d(F.avg_pool2d(padded, (side, 1), 1), (1, side), 1)[:, 0]
    return masks * (2 * mean - 1).clamp(0, 1)


def _scaled(weight: Tensor, size: tuple[int, int]) -> Tensor:
    """weight [n, 1, h, w] in [0, 1] -> [n, 1, height, width], exactly 0 or 1 where its neighbours are."""
    if weight.shape[2:] == size:
        return weight
    return (F.interpolate(weight, size, mode="bilinear", align_corners=False) * LEVELS).round() / LEVELS


def _settings_mask(region: Region, stream: StreamConfig) -> Tensor:
    """The mask of a region's settings [H, W] in [0, 1]."""
    height, width = stream.height, stream.width
    if region.mask is not None:
        mask_width, mask_height, levels = decode_mask(region.mask)
        picture = torch.frombuffer(bytearray(levels), dtype=torch.uint8).view(1, 1, mask_height, mask_width)
        size = (height, width)
        scaled = F.interpolate(picture.float() / LEVELS, size, mode="bilinear", antialias=True, align_corners=False)
        return (scaled[0, 0] * LEVELS).round() / LEVELS
    assert region.box is not None
    left, top, box_width, box_height = region.box
    mask = torch.zeros(height, width)
    x = _pixels(left, left + box_width, width)
    y = _pixels(top, top + box_height, height)
    mask[y, x] = 1
    return mask


def _pixels(start: float, stop: float, size: int) -> slice:
    """The nearest pixels of a side of `size` pixels, at least one."""
    first = min(round(start * size), size - 1)
    return slice(first, max(first + 1, min(round(stop * size), size)))
