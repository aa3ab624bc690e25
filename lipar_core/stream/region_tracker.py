"""The regions of a stream's blocks, one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.pruning.active_tokens import ActiveTokens, active_tokens
from lipar_core.region import Region
from lipar_core.stream.region import BlockRegion, block_region

# Timestamps of a block's frames (None: padding) -> masks [n, h, w] in [0, 1] of any resolution, on the CPU, n = 1 or
# one per frame; None: the region's settings apply.
MaskSource = Callable[[Sequence[Any]], Tensor | None]


class RegionTracker:
    """Knows which tokens the block before could compute: all others inside the region have to be computed."""

    def __init__(self, stream: StreamConfig, device: torch.device) -> None:
        self.stream, self.device = stream, device
        self.settings = Region()
        self.settings_region: BlockRegion | None = None
        self.blocks = 0
        self.tokens: Tensor | None = None  # of the newest block [rows, cols], on the CPU; None: all

    def next_block(
        self, settings: Region, pts: Sequence[object], masks: MaskSource | None
    ) -> tuple[BlockRegion | None, ActiveTokens | None]:
        """The next block's region and tokens; None: everything. A stream's first block is never frozen."""
        region = self._region(settings, pts, masks)
        before = self.tokens  # in a stream's first block all tokens are computed anyway
        self.tokens = None if region is None else region.tokens
        self.blocks += 1
        if self.tokens is None and before is None:
            return region, None
        everything = torch.ones(self.stream.rows, self.stream.cols, dtype=torch.bool)
        return region, active_tokens(everything if self.tokens is None else self.tokens, before, self.device)

    def _region(self, settings: Region, pts: Sequence[object], masks: MaskSource | None) -> BlockRegion | None:
        found = None if masks is None else masks(pts)  # of every block: a file's masks are read in step with it
        if settings.mode == "freeze" and self.blocks == 0:
            return None
        if found is not None:
            return block_region(settings, self.stream, self.device, found)
        if settings != self.settings:
            self.settings = settings
            self.settings_region = block_region(settings, self.stream, self.device)
        return self.settings_region
