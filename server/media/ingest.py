"""Camera frames on their way into the model: thinned evenly to its speed, at most a block of them waiting."""

from collections import deque
from collections.abc import Callable

from server.media.counters import FrameCounters
from server.ring import FrameRing, Planes

HEADROOM = 0.96  # of the model's speed: what is admitted must not pile up
SMOOTHING = 0.2  # weight of the newest measurement
STILL_S = 0.5  # after which a source that sends nothing shows something that stands still


class Ingest:
    """Decides which frames go on. Times in seconds, on any one clock."""

    def __init__(
        self,
        ring: FrameRing,
        frames_per_block: int,
        on_put: Callable[[], None] = lambda: None,
        counters: FrameCounters | None = None,
    ) -> None:
        """`on_put` is called when frames have been put into the ring."""
        self.ring, self.frames_per_block, self.on_put = ring, frames_per_block, on_put
        self.waiting: deque[tuple[Planes, float]] = deque(maxlen=2)  # for room in the ring; newest wins
        self.model_fps: float | None = None  # what the model can do; unknown before its first block
        self.counters = counters or FrameCounters()
        self._due: float | None = None  # when the next frame is wanted
        self._newest: tuple[Planes, float] | None = None

    def block_done(self, busy_s: float, sessions: int) -> None:
        """The model edited a block in `busy_s` seconds, taking turns between `sessions`."""
        speed = self.frames_per_block / busy_s / max(sessions, 1)
        self.model_fps = speed if self.model_fps is None else self.model_fps + SMOOTHING * (speed - self.model_fps)

    def wants(self, now: float) -> bool:
        """Whether the frame that arrives now is one of those that the model has time for: evenly spread."""
        if self.model_fps is None:
            return True
        period = 1 / (self.model_fps * HEADROOM)
        if self._due is None or now - self._due > 4 * period:
            self._due = now  # the first frame, or the camera paused: no burst to catch up
        if now < self._due - 1e-4:
            self.counters.not_admitted += 1
            return False
        self._due += period
        return True

    def offer(self, planes: Planes, pts: float) -> None:
        """Pass on an admitted frame. Where the ring has no room the oldest of those outside goes."""
        self.counters.admitted += 1
        if len(self.waiting) == self.waiting.maxlen:
            self.counters.not_admitted += 1
        self.waiting.append((planes, pts))
        self._newest = planes, pts
        self.move()

    def fill(self, now: float) -> None:
        """Complete a block that its source leaves part-full, with its newest frame.

        A shared screen that stands still sends next to nothing: the last frames of a movement would wait for the next.
        """
        missing = self.frames_per_block - len(self.ring)
        if self._newest is None or not 0 < missing < self.frames_per_block or now - self._newest[1] < STILL_S:
            return
        planes, pts = self._newest
        for i in range(1, missing + 1):
            self.ring.put(planes, pts + (now - pts) * i / missing)
        self.on_put()

    def move(self) -> None:
        """Fill the ring, up to one block."""
        before = self.ring.written
        while self.waiting and len(self.ring) < self.frames_per_block and self.ring.put(*self.waiting[0]):
            self.waiting.popleft()
        if self.ring.written > before:
            self.on_put()
