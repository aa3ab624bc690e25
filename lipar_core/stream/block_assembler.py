"""Collects source frames into blocks."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

P = TypeVar("P")


class BlockAssembler(Generic[P]):
    """Takes any number of frames, returns complete blocks. Padding frames have the timestamp None."""

    def __init__(self, frames_per_block: int) -> None:
        self.size = frames_per_block
        self.frames: list[Tensor] = []
        self.pts: list[P | None] = []

    @property
    def has_frames(self) -> bool:
        """Whether frames other than padding are waiting."""
        return any(stamp is not None for stamp in self.pts)

    def drop_waiting(self) -> list[P]:
        """Discard the waiting frames; returns their timestamps."""
        stamps = [p for p in self.pts if p is not None]
        self.frames = []
        self.pts = []
        return stamps

    def add(self, frames: Tensor, pts: Sequence[P | None]) -> None:
        """frames [N, 3, H, W], N > 0, with one timestamp each."""
        self.frames.append(frames)
        self.pts.extend(pts)

    def pad(self, last: Tensor | None) -> None:
        """Complete a block by repeating the newest waiting frame, else `last` [1, 3, H, W]."""
        newest = self.frames[-1][-1:] if self.frames else last
        assert newest is not None, "a stream without frames cannot be padded"
        missing = self.size - len(self.pts) % self.size
        self.add(newest.expand(missing, -1, -1, -1), [None] * missing)

    @property
    def ready(self) -> bool:
        return len(self.pts) >= self.size

    def take(self) -> tuple[Tensor, list[P | None]]:
        """The oldest block: frames [N, 3, H, W] and timestamps."""
        waiting = torch.cat(self.frames) if len(self.frames) > 1 else self.frames[0]
        self.frames = [waiting[self.size :]] if len(waiting) > self.size else []
        pts, self.pts = self.pts[: self.size], self.pts[self.size :]
        return waiting[: self.size], pts
