"""Which source frame a decoded frame shows (design section 3)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

P = TypeVar("P")


@dataclass(slots=True)
class _Entry(Generic[P]):
    pts: P | None  # None: nobody waits for it
    keep: Tensor


class Timeline(Generic[P]):
    """Pairs the decoder's raw frames with the timestamps of the source frames that they show.

    The decoder lags: raw frame r shows source frame r - lag_frames, so a few entries always wait.
    """

    def __init__(self, lag_frames: int) -> None:
        self.lag_frames = lag_frames
        self.clear()

    def clear(self) -> None:
        """Forget the stream."""
        self.waiting: deque[_Entry[P]] = deque()
        self.lag = self.lag_frames  # raw frames still to be dropped before the first is shown

    @property
    def owes(self) -> bool:
        """Whether a timestamp still waits for its frame."""
        return any(entry.pts is not None for entry in self.waiting)

    def enter(self, pts: Sequence[P | None], keep: Tensor) -> None:
        """Source frames of a block in order; keep [F, rows, cols] of its latent frames."""
        per_latent = len(pts) // len(keep)
        self.waiting.extend(_Entry(p, keep[i // per_latent]) for i, p in enumerate(pts))

    def show(self, raw: int) -> list[tuple[int, P, Tensor]]:
        """`raw` frames were decoded: (its index, timestamp, keep mask [rows, cols]) of each that is waited for."""
        dropped = min(self.lag, raw)
        self.lag -= dropped
        entries = [(i, self.waiting.popleft()) for i in range(dropped, raw)]
        return [(i, entry.pts, entry.keep) for i, entry in entries if entry.pts is not None]

    def release(self) -> list[P]:
        """Answer all that wait, now: their timestamps, and nobody waits for their frames any more."""
        stamps = [entry.pts for entry in self.waiting if entry.pts is not None]
        for entry in self.waiting:
            entry.pts = None
        return stamps
