"""A ring of yuv420p frames in shared memory, between one writer and one reader in different processes."""

import errno
import os
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.uint8]  # [height * 3 / 2, width]: Y, then U, then V

SHARED_MEMORY = Path("/dev/shm")  # where Linux shows it
NO_RESERVE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # file systems that cannot


def ring_capacity(frames_per_block: int) -> int:
    """Frames that a ring holds: a block, and what a reset's or a pause's tail may add to it."""
    return 2 * frames_per_block


class FrameRing:
    """Frames with timestamps, oldest first. A full ring refuses: the writer decides what to drop.

    The memory holds frames alone. How many were written and read in all is no part of it: each process counts what it
    does itself, sends the count over the pipe *afterwards* (`wire.FramesPut`, `FramesTaken`), and notes the other's.
    A message that has been received orders all that its sender did before it, on every processor. Counters in the
    memory itself would need fences, which Python does not have: on ARM the new count may be seen before the frame.
    """

    def __init__(self, width: int, height: int, frames_per_block: int, name: str | None = None) -> None:
        """Create the memory, or (`name`) attach to what the other process created.

        Raises `OSError` (ENOSPC) where the machine has too little shared memory.
        """
        self.frames_per_block = frames_per_block
        self.capacity = ring_capacity(frames_per_block)
        self.written = self.read = 0
        shape = (self.capacity, height * 3 // 2, width)
        size = 8 * self.capacity + int(np.prod(shape))
        self._owner = name is None
        # the owner unlinks; a spawned child shares its parent's resource tracker, so attaching registers nothing twice
        self._memory = shared_memory.SharedMemory(name=name, create=self._owner, size=size)
        if self._owner:
            self._reserve(size)
        buffer = self._memory.buf
        self._pts = np.ndarray(self.capacity, dtype=np.float64, buffer=buffer)
        self._frames = np.ndarray(shape, dtype=np.uint8, buffer=buffer, offset=8 * self.capacity)

    @property
    def name(self) -> str:
        return self._memory.name

    def __len__(self) -> int:
        return self.written - self.read

    @property
    def missing_frames(self) -> int:
        """How many frames its oldest block still lacks; 0: a whole block waits."""
        return max(0, self.frames_per_block - len(self))

    @property
    def has_block(self) -> bool:
        """Whether a whole block waits: the only place where the server decides that."""
        return self.missing_frames == 0

    @property
    def block_pts(self) -> float:
        """Timestamp of the newest frame of its oldest block, which may lack frames, but not all."""
        assert len(self), "an empty ring has no block"
        return float(self._pts[(self.read + min(len(self), self.frames_per_block) - 1) % self.capacity])

    def put(self, planes: Planes, pts: float) -> bool:
        """Copy a frame in; False when there is no room."""
        if len(self) >= self.capacity:
            return False
        slot = self.written % self.capacity
        self._frames[slot] = planes
        self._pts[slot] = pts
        self.written += 1
        return True

    def take(self, count: int) -> tuple[Planes, list[float]]:
        """Copy out the oldest frames, `count` at most: [N, height * 3 / 2, width] and their timestamps."""
        slots = [(self.read + i) % self.capacity for i in range(min(count, len(self)))]
        frames, pts = self._frames[slots], [float(self._pts[slot]) for slot in slots]
        self.read += len(slots)
        return frames, pts

    def set_written(self, total: int) -> None:
        """The writer, in the other process, has put so many frames in since the beginning."""
        self.written = total

    def set_read(self, total: int) -> None:
        """The reader, in the other process, has taken so many frames out since the beginning."""
        self.read = total

    def restart(self) -> None:
        """Forget what is in it: the other process is a new one, and counts from 0."""
        self.written = self.read = 0

    def close(self) -> None:
        """Let go of the memory; the owner also removes it."""
        del self._pts, self._frames
        self._release()

    def _release(self) -> None:
        self._memory.close()
        if self._owner:
            self._memory.unlink()

    def _reserve(self, size: int) -> None:
        """Take the pages now: without this, writing to what the machine does not have ends the process by a signal."""
        path = SHARED_MEMORY / self.name.lstrip("/")
        if not hasattr(os, "posix_fallocate") or not path.exists():
            return  # another system: it has no such limit of its own
        file = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in NO_RESERVE:
                self._release()
                raise
        finally:
            os.close(file)
