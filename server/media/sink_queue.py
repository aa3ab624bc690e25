"""A sink's queue of packets or frames."""

from collections import deque
from collections.abc import Callable

import av

from server.media.sink import Item


class SinkQueue:
    """Bounded, and never blocks. Packets begin with a keyframe, also after packets were dropped."""

    def __init__(self, capacity: int, request_keyframe: Callable[[], None]) -> None:
        """`request_keyframe` is called for every packet that is dropped because it is no keyframe."""
        self.capacity = capacity
        self.request_keyframe = request_keyframe
        self._items: deque[Item] = deque()
        self._needs_keyframe = True
        self._overflowed = False  # since the last keyframe

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> int:
        """Add an item; returns how many were dropped because the queue is or was full."""
        if isinstance(item, av.VideoFrame):
            return self._put_frame(item)
        if self._needs_keyframe and not item.is_keyframe:
            self.request_keyframe()
            return int(self._overflowed)
        if len(self._items) == self.capacity:
            return self._overflow()
        self._needs_keyframe = self._overflowed = False
        self._items.append(item)
        return 0

    def pop(self) -> "Item | None":
        """Remove and return the oldest item; None if there is none."""
        return self._items.popleft() if self._items else None

    def restart(self) -> None:
        """Discard everything; the next packet to be queued is a keyframe."""
        self._items.clear()
        self._needs_keyframe = True

    def _put_frame(self, frame: av.VideoFrame) -> int:
        full = len(self._items) == self.capacity
        if full:
            self._items.popleft()
        self._items.append(frame)
        return int(full)

    def _overflow(self) -> int:
        """Drop all packets and the next one: what would remain after a gap cannot be decoded."""
        dropped = len(self) + 1
        self.restart()
        self._overflowed = True
        self.request_keyframe()
        return dropped
