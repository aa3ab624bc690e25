"""A ring of yuv420p frames in shared memory, between one writer and one reader in different processes."""

from multiprocessing import shared_memory

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.uint8]  # [height * 3 / 2, width]: Y, then U, then V


class FrameRing:
    """Frames with timestamps, oldest first. A full ring refuses: who writes decides what to drop.

    The counters only grow, and each has one writer, so no lock is needed: `written` belongs to the writer, `read` to
    the reader. A frame is copied before its counter moves.
    """

    def __init__(self, width: int, height: int, capacity: int, name: str | None = None) -> None:
        """Create the memory, or (`name`) attach to what the other process created."""
        self.capacity, shape = capacity, (capacity, height * 3 // 2, width)
        size = 16 + 8 * capacity + int(np.prod(shape))
        self._owner = name is None
        # the owner unlinks; a spawned child shares its parent's resource tracker, so attaching registers nothing twice
        self._memory = shared_memory.SharedMemory(name=name, create=self._owner, size=size)
        buffer = self._memory.buf
        self._counters = np.ndarray(2, dtype=np.int64, buffer=buffer)  # written, read
        self._pts = np.ndarray(capacity, dtype=np.float64, buffer=buffer, offset=16)
        self._frames = np.ndarray(shape, dtype=np.uint8, buffer=buffer, offset=16 + 8 * capacity)
        if self._owner:
            self._counters[:] = 0

    @property
    def name(self) -> str:
        return self._memory.name

    def __len__(self) -> int:
        return int(self._counters[0] - self._counters[1])

    def put(self, planes: Planes, pts: float) -> bool:
        """Copy a frame in; False when there is no room."""
        written = int(self._counters[0])
        if written - int(self._counters[1]) >= self.capacity:
            return False
        self._frames[written % self.capacity] = planes
        self._pts[written % self.capacity] = pts
        self._counters[0] = written + 1
        return True

    def take(self, count: int) -> tuple[Planes, list[float]]:
        """Copy out the oldest frames, `count` at most: [N, height * 3 / 2, width] and their timestamps."""
        read = int(self._counters[1])
        slots = [(read + i) % self.capacity for i in range(min(count, len(self)))]
        frames, pts = self._frames[slots], [float(self._pts[slot]) for slot in slots]
        self._counters[1] = read + len(slots)
        return frames, pts

    def close(self) -> None:
        """Let go of the memory; the owner also removes it."""
        del self._counters, self._pts, self._frames
        self._memory.close()
        if self._owner:
            self._memory.unlink()
