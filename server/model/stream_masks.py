"""The masks that a session receives for the frames of its source, until they are edited."""

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from server.wire import RegionMask

MAX_MASKS = 64
MAX_AGE_S = 2.0  # of a mask, compared with a frame that has none of its own
TOLERANCE_S = 0.012  # between two times of one frame; frames are at least 16 ms apart


class StreamMasks:
    """A `MaskSource`: each frame takes its own mask, else the newest of an earlier frame.

    A mask that arrives after its frame was edited serves later frames, unless there is a newer one; older ones are
    dropped. Nothing waits for a mask.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        """`wanted`: whether the region comes from masks now."""
        self.wanted = wanted
        self._masks: list[RegionMask] = []  # by the time of their frame

    def add(self, mask: RegionMask) -> None:
        insort(self._masks, mask, key=_time)
        del self._masks[:-MAX_MASKS]

    def __call__(self, pts: Sequence[float | None]) -> Tensor | None:
        """Masks [n, h, w] in [0, 1] of a block's frames, n = 1 or one per frame; None: there is none for the newest.

        All have the newest frame's resolution: it takes the place of any of another one.
        """
        stamps = [stamp for stamp in pts if stamp is not None]
        if not self.wanted() or not stamps:
            return None
        found = [self._mask_at(stamp) for stamp in stamps]
        self._drop_before(stamps[-1])
        newest = found[-1]
        if newest is None:
            return None
        size = newest.rows, newest.cols
        masks = [newest if mask is None or (mask.rows, mask.cols) != size else mask for mask in found]
        masks += [newest] * (len(pts) - len(stamps))  # padding
        levels = b"".join(mask.levels for mask in (masks if any(mask is not newest for mask in masks) else masks[:1]))
        return torch.frombuffer(bytearray(levels), dtype=torch.uint8).view(-1, *size) / 255

    def _mask_at(self, stamp: float) -> RegionMask | None:
        index = bisect_right(self._masks, stamp + TOLERANCE_S, key=_time) - 1
        if index < 0 or stamp - self._masks[index].pts > MAX_AGE_S:
            return None
        return self._masks[index]

    def _drop_before(self, stamp: float) -> None:
        """Keep the newest mask up to this time, and all later ones."""
        del self._masks[: max(0, bisect_right(self._masks, stamp + TOLERANCE_S, key=_time) - 1)]


def _time(mask: RegionMask) -> float:
    return mask.pts
