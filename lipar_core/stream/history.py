"""The clean latents that the KV cache was built from, sink and window, kept to rebuild it under a new prompt."""

from collections import deque
from typing import NamedTuple

import torch
from torch import Tensor

from lipar_core.pruning.active_tokens import ActiveTokens


class Segment(NamedTuple):
    """Consecutive latent frames."""

    start: int  # number of the first
    x0: Tensor  # [f * T, P]
    active: ActiveTokens | None  # the tokens that may have been computed; None: all


class History:
    """Tokens of x0 per block; only frames that later blocks may attend to are kept."""

    def __init__(self, sink_frames: int, past_frames: int, block_frames: int) -> None:
        """`past_frames`: latent frames before the current block that it attends to, without the sink."""
        self.sink_frames, self.block_frames = sink_frames, block_frames
        self.recent: deque[Segment] = deque(maxlen=-(-past_frames // block_frames))
        self.sink: list[Segment] = []
        self.frames = 0

    def add(self, x0: Tensor, active: ActiveTokens | None) -> None:
        """x0 [F * T, P] of the block just finished, and the tokens that it may have computed."""
        if self.frames < self.sink_frames:
            self.sink.append(Segment(self.frames, x0.clone(), active))
        storage = self.recent[0].x0 if len(self.recent) == self.recent.maxlen else torch.empty_like(x0)
        self.recent.append(Segment(self.frames, storage.copy_(x0), active))
        self.frames += self.block_frames

    def segments(self, tokens: int) -> list[Segment]:
        """All stored blocks, oldest first; sink blocks are cut to the sink."""
        oldest = self.recent[0].start if self.recent else self.frames
        pinned = [
            block._replace(x0=block.x0[: (self.sink_frames - block.start) * tokens])
            for block in self.sink
            if block.start < oldest
        ]
        return [*pinned, *self.recent]
