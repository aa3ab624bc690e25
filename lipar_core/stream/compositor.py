"""Puts the edited picture into the one that is shown outside a region, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lipar_core.stream.region import BlockRegion


class FrameRegion(NamedTuple):
    """The region of one frame."""

    weight: Tensor  # of the edited picture [1, H, W] in [0, 1]
    frozen: bool  # elsewhere the held output is shown, else the source


def frame_regions(region: BlockRegion | None, frames: int) -> list[FrameRegion | None]:
    """The regions of a block's frames."""
    if region is None:
        return [None] * frames
    weights = region.weight.expand(frames, -1, -1, -1)
    return [FrameRegion(weight, region.mode == "freeze") for weight in weights]


class Compositor:
    """The compositor of one stream."""

    def __init__(self) -> None:
        self.held: Tensor | None = None  # for each pixel, the newest output while it was not frozen [3, H, W]

    def __call__(self, frames: Tensor, sources: Sequence[Tensor], regions: Sequence[FrameRegion | None]) -> Tensor:
        """Edited frames [N, 3, H, W] in [0, 1], in order, their sources [3, H, W] and regions -> what is shown."""
        if all(region is None for region in regions):
            self.held = frames[-1]
            return frames
        items = zip(frames, sources, regions, strict=True)
        return torch.stack([self._compose(frame, source, region) for frame, source, region in items])

    def _compose(self, frame: Tensor, source: Tensor, region: FrameRegion | None) -> Tensor:
        if region is None:
            self.held = frame
        elif not region.frozen:
            self.held = frame = _mix(frame, source, region.weight)
        else:
            assert self.held is not None, "a stream's first block is not frozen"
            frame = _mix(frame, self.held, region.weight)
            self.held = torch.where(region.weight < 1, self.held, frame)
        return frame


def _mix(frame: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Exact where the weight of `frame` is 0 or 1."""
    return frame * weight + other * (1 - weight)
