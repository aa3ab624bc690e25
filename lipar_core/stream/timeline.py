"""Matches decoded frames with the source frames that they show."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

P = TypeVar("P")


@dataclass(slots=True)
class _Entry(Generic[P]):
    pts: P | None  # None: padding, or cancelled
    keep: Tensor


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

    def add_block(self, pts: Sequence[P | None], keep: Tensor) -> None:
        """Add a block's source frames in order; keep [F, rows, cols] of its latent frames."""
        per_latent = len(pts) // len(keep)
        self.entries.extend(_Entry(p, keep[i // per_latent]) for i, p in enumerate(pts))

    def take_shown(self, raw: int) -> list[tuple[int, P, Tensor]]:
        """`raw` frames were decoded: (index, timestamp, keep mask [rows, cols]) of each with a pending timestamp."""
        dropped = min(self.lag, raw)
        self.lag -= dropped
        entries = [(i, self.entries.popleft()) for i in range(dropped, raw)]
        return [(i, entry.pts, entry.keep) for i, entry in entries if entry.pts is not None]

    def cancel_pending(self) -> list[P]:
        """Return all pending timestamps; their frames will be dropped when decoded."""
        stamps = [entry.pts for entry in self.entries if entry.pts is not None]
        for entry in self.entries:
            entry.pts = None
        return stamps
