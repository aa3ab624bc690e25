"""The keep masks of a session's edited frames, while someone wants them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from server.ring import Planes
from server.wire import FrameMask

RECENT = 512  # frames: longer than any frame is queued

OnSent = Callable[[int, bytes], None]  # (pts, bits) of an edited frame that is being sent


@dataclass(frozen=True, slots=True)
class MaskedFrame:
    """An edited frame and its keep mask."""

    planes: Planes  # yuv420p [height * 3 / 2, width]
    bits: bytes  # as in `FrameMask`


class KeepMasks:
    """Follows masks by their frame's source time from the model to the moment when the frame is sent.

    The model process is asked for them only while there is a subscriber.
    """

    def __init__(self, rows: int, cols: int) -> None:
        """Size of a mask in tokens."""
        self.rows, self.cols = rows, cols
        self.on_wanted: Callable[[bool], None] | None = None  # called whenever `wanted` has changed
        self._subscribers: list[OnSent] = []
        self._requests: list[asyncio.Future[MaskedFrame]] = []
        self._queued: deque[FrameMask] = deque(maxlen=RECENT)

    @property
    def wanted(self) -> bool:
        return bool(self._subscribers or self._requests)

    def subscribe(self, on_sent: OnSent) -> None:
        before = self.wanted
        self._subscribers.append(on_sent)
        self._report_change(before)

    def unsubscribe(self, on_sent: OnSent) -> None:
        """Idempotent."""
        before = self.wanted
        if on_sent in self._subscribers:
            self._subscribers.remove(on_sent)
        self._report_change(before)

    async def next_frame(self, timeout_s: float) -> MaskedFrame:
        """The newest frame of the next block. Raises `TimeoutError`."""
        before = self.wanted
        request: asyncio.Future[MaskedFrame] = asyncio.get_running_loop().create_future()
        self._requests.append(request)
        self._report_change(before)
        try:
            return await asyncio.wait_for(request, timeout_s)
        finally:
            self._requests.remove(request)
            self._report_change(before=True)

    def add(self, masks: Sequence[FrameMask], frames: Mapping[float, Planes]) -> None:
        """Queue the masks of a block; `frames`: those that were returned, by source time."""
        returned = [mask for mask in masks if mask.pts in frames]
        self._queued.extend(returned)
        for request in self._requests if returned else ():
            if not request.done():
                request.set_result(MaskedFrame(frames[returned[-1].pts], returned[-1].bits))

    def sent(self, stamp: float, pts: int) -> None:
        """The frame of this source time is being sent, with this presentation time of the edited stream."""
        mask: FrameMask | None = None
        while self._queued and self._queued[0].pts <= stamp:
            mask = self._queued.popleft()
        if mask is not None and mask.pts == stamp:
            for on_sent in list(self._subscribers):
                on_sent(pts, mask.bits)

    def _report_change(self, before: bool) -> None:
        if not self.wanted:
            self._queued.clear()
        if self.wanted != before and self.on_wanted is not None:
            self.on_wanted(self.wanted)
