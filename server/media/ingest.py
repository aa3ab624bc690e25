"""Input of camera frames: rate-limited evenly to the model's speed, at most one block of them in the ring."""

from collections import deque
from collections.abc import Callable

from server.media.counters import SessionCounters
from server.ring import FrameRing, Planes

HEADROOM = 0.96  # ratio of the admitted rate to the model's speed: the queue must not grow
SMOOTHING = 0.2  # weight of the newest measurement
IDLE_SOURCE_S = 0.5  # without a frame: the source shows a static image


class Ingest:
    """Decides which frames the model edits. Times in seconds, on any one clock."""

    def __init__(
        self,
        ring: FrameRing,
        on_put: Callable[[], None] = lambda: None,
        counters: SessionCounters | None = None,
    ) -> None:
        """`on_put` is called after frames have been put into the ring."""
        self.ring = ring
        self.on_put = on_put
        self.waiting: deque[tuple[Planes, float]] = deque(maxlen=2)  # for space in the ring; drops the oldest
        self.model_fps: float | None = None  # the model's speed for this session; unknown before its first block
        self.counters = counters or SessionCounters()
        self._due: float | None = None  # time at which the next frame is admitted
        self._newest: tuple[Planes, float] | None = None

    def block_done(self, busy_s: float, sessions: int) -> None:
        """Record that the model edited a block in `busy_s` seconds, while `sessions` sessions shared it."""
        speed = self.ring.frames_per_block / busy_s / max(sessions, 1)
        self.model_fps = speed if self.model_fps is None else self.model_fps + SMOOTHING * (speed - self.model_fps)

    def admits(self, now: float) -> bool:
        """Whether the frame that arrives now is admitted; admitted frames are evenly spaced."""
        if self.model_fps is None:
            return True
        period = 1 / (self.model_fps * HEADROOM)
        if self._due is None or now - self._due > 4 * period:
            self._due = now  # the first frame, or after a pause: no burst to catch up
        if now < self._due - 1e-4:
            self.counters.not_admitted += 1
            return False
        self._due += period
        return True

    def enqueue(self, planes: Planes, pts: float) -> None:
        """Queue an admitted frame. If the ring is full, the oldest queued frame is dropped."""
        self.counters.admitted += 1
        if len(self.waiting) == self.waiting.maxlen:
            self.counters.not_admitted += 1
        self.waiting.append((planes, pts))
        self._newest = planes, pts
        self.fill_ring()

    def pad_block(self, now: float) -> None:
        """Complete a partial block with copies of the newest frame if the source is idle.

        A static shared screen sends almost no frames: the last frames of a movement would wait for the next movement.
        """
        missing = self.ring.missing_frames
        if (
            self._newest is None
            or not 0 < missing < self.ring.frames_per_block
            or now - self._newest[1] < IDLE_SOURCE_S
        ):
            return
        planes, pts = self._newest
        for i in range(1, missing + 1):
            self.ring.put(planes, pts + (now - pts) * i / missing)
        self.on_put()

    def fill_ring(self) -> None:
        """Move queued frames into the ring, up to one block."""
        before = self.ring.written
        while self.waiting and not self.ring.has_block and self.ring.put(*self.waiting[0]):
            self.waiting.popleft()
        if self.ring.written > before:
            self.on_put()
