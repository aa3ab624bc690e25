"""Matches decoded frames with the source frames that they show."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from torch import Tensor

from lipar_core.stream.compositor import FrameRegion

P = TypeVar("P")


@dataclass(slots=True)
class _Entry(Generic[P]):
    pts: P | None  # None: padding, or cancelled
    source: Tensor
    keep: Tensor
    region: FrameRegion | None


class Shown(NamedTuple, Generic[P]):
    """A decoded frame that has a timestamp."""

    position: int  # among the raw frames that were decoded together
    pts: P
    source: Tensor  # the source frame that it shows [3, H, W]
    keep: Tensor  # keep mask [rows, cols]
    region: FrameRegion | None  # None: it is edited everywhere


class Timeline(Generic[P]):
    """Pairs the decoder's raw frames with the timestamps of the source frames that they show.

    The decoder lags: raw frame r shows source frame r - lag_frames, so a few entries are always pending.
    """

    def __init__(self, lag_frames: int) -> None:
        self.entries: deque[_Entry[P]] = deque()
        self.lag = lag_frames  # raw frames still to be dropped before the first is shown

    @property
    def has_pending(self) -> bool:
        """Whether a timestamp is still without its frame."""
        return any(entry.pts is not None for entry in self.entries)

    def add_block(
        self, frames: Tensor, pts: Sequence[P | None], keep: Tensor, regions: Sequence[FrameRegion | None]
    ) -> None:
        """Add a block's source frames [N, 3, H, W] with their regions; keep [F, rows, cols] of its latent frames."""
        per_latent = len(pts) // len(keep)
        items = enumerate(zip(pts, frames, regions, strict=True))
        self.entries.extend(_Entry(stamp, frame, keep[i // per_latent], region) for i, (stamp, frame, region) in items)

    def take_shown(self, raw: int) -> list[Shown[P]]:
        """`raw` frames were decoded: those with a pending timestamp."""
        dropped = min(self.lag, raw)
        self.lag -= dropped
        entries = [(i, self.entries.popleft()) for i in range(dropped, raw)]
        return [
            Shown(i, entry.pts, entry.source, entry.keep, entry.region) for i, entry in entries if entry.pts is not None
        ]

    def cancel_pending(self) -> list[P]:
        """Return all pending timestamps; their frames will be dropped when decoded."""
        stamps = [entry.pts for entry in self.entries if entry.pts is not None]
        for entry in self.entries:
            entry.pts = None
        return stamps
