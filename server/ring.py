"""A ring of yuv420p frames in shared memory, between one writer and one reader in different processes."""

import errno
import os
import secrets
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.uint8]  # [height * 3 / 2, width]: Y, then U, then V

SHARED_MEMORY = Path("/dev/shm")  # on Linux
FALLOCATE_UNSUPPORTED = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # by the file system
PTS_BYTES = 8  # float64


def ring_capacity(frames_per_block: int) -> int:
    """Capacity of a ring in frames: a block, and the frames that a reset or a pause may add to it."""
    return 2 * frames_per_block


def ring_bytes(width: int, height: int, frames_per_block: int) -> int:
    """Shared memory of a ring: its frames and their timestamps."""
    return ring_capacity(frames_per_block) * (height * 3 // 2 * width + PTS_BYTES)


def new_name() -> str:
    """A unique name that says whose memory it is: `ls /dev/shm` shows what a killed server has left."""
    return f"lipar-{os.getpid()}-{secrets.token_hex(4)}"


class FrameRing:
    """Frames with timestamps, oldest first. A full ring rejects a frame: the writer decides what to drop.

    The shared memory holds frames only. Each process counts the frames that it has written or read, sends the total
    over the pipe after the copy (`wire.FramesPut`, `FramesTaken`), and stores the total that the other one has sent.
    Receiving a message orders memory accesses on every processor. Counters in the shared memory would need memory
    barriers, which Python does not have: on ARM a new count could become visible before the frame.
    """

    def __init__(self, width: int, height: int, frames_per_block: int, name: str | None = None) -> None:
        """Create the shared memory, or attach to the one named `name`, created by the other process.

        Raises `OSError` (ENOSPC) if the machine has too little shared memory.
        """
        self.frames_per_block = frames_per_block
        self.capacity = ring_capacity(frames_per_block)
        self.written = self.read = 0
        shape = (self.capacity, height * 3 // 2, width)
        size = ring_bytes(width, height, frames_per_block)
        self._owner = name is None
        # the creator unlinks; a spawned child shares its parent's resource tracker: attaching registers nothing twice
        self._memory = shared_memory.SharedMemory(name=name or new_name(), create=self._owner, size=size)
        if self._owner:
            self._reserve(size)
        buffer = self._memory.buf
        self._pts = np.ndarray(self.capacity, dtype=np.float64, buffer=buffer)
        self._frames = np.ndarray(shape, dtype=np.uint8, buffer=buffer, offset=PTS_BYTES * self.capacity)

    @property
    def name(self) -> str:
        return self._memory.name

    def __len__(self) -> int:
        return self.written - self.read

    @property
    def missing_frames(self) -> int:
        """Number of frames missing from the oldest block; 0 if it is complete."""
        return max(0, self.frames_per_block - len(self))

    @property
    def has_block(self) -> bool:
        """Whether the oldest block is complete; decided only here."""
        return self.missing_frames == 0

    @property
    def block_pts(self) -> float:
        """Timestamp of the newest frame of the oldest block, which may be incomplete but not empty."""
        assert len(self), "an empty ring has no block"
        return float(self._pts[(self.read + min(len(self), self.frames_per_block) - 1) % self.capacity])

    def put(self, planes: Planes, pts: float) -> bool:
        """Copy a frame into the ring; False if it is full."""
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
        """Store the number of frames that the writer, in the other process, has put in since the ring was created."""
        self.written = total

    def set_read(self, total: int) -> None:
        """Store the number of frames that the reader, in the other process, has taken since the ring was created."""
        self.read = total

    def restart(self) -> None:
        """Discard the frames: the other process was replaced, and counts from 0."""
        self.written = self.read = 0

    def close(self) -> None:
        """Detach from the shared memory; the creator also removes it."""
        del self._pts, self._frames
        self._release()

    def _release(self) -> None:
        self._memory.close()
        if self._owner:
            self._memory.unlink()

    def _reserve(self, size: int) -> None:
        """Allocate the pages now: otherwise a write without free memory ends the process with SIGBUS."""
        path = SHARED_MEMORY / self.name.lstrip("/")
        if not hasattr(os, "posix_fallocate") or not path.exists():
            return  # not Linux: shared memory has no separate limit
        file = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in FALLOCATE_UNSUPPORTED:
                self._release()
                raise
        finally:
            os.close(file)
