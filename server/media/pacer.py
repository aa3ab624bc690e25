"""When edited frames are shown: at the pace of their source, a steady delay behind it."""

import math
from collections import deque

from server.media.counters import FrameCounters
from server.ring import Planes

REVIEW_S = 2.0  # of source time, after which a delay that was not needed is given back
GIVE_BACK = 0.5  # share of it
HASTE = 0.12  # how much faster than their source frames are shown while a delay shrinks: nobody sees it
MOST_APART_S = 0.2  # a longer time between two frames is a pause
STALE_S = 1.0  # a delay so much longer than needed is a stall that is over: it is given back at once
MARGIN_S = 0.01  # kept on top of the delay that was needed


class Pacer:
    """A queue with a clock. A frame of source time s is due at s + delay; the delay follows what blocks need.

    A late block raises the delay at once (the picture waits, nothing is shown twice, nothing races to catch up); a
    delay that is not needed any more shrinks slowly. After a stall what still waits of it goes, and the newest picture
    is next. Times in seconds, on one clock with the source's.
    """

    def __init__(self, capacity: int, counters: FrameCounters | None = None) -> None:
        """`capacity`: frames that may wait; past it the oldest go."""
        self.queue: deque[tuple[Planes, float]] = deque()
        self.capacity = capacity
        self.counters = counters or FrameCounters()
        self.restart()

    def restart(self) -> None:
        """Forget what waits, and the delay that it needed."""
        self.queue.clear()
        self.delay: float | None = None
        self._goal = -math.inf  # what the delay shrinks to
        self._added = -math.inf  # when the newest came
        self._shown: float | None = None  # source time of the newest that was taken
        self._least_spare = math.inf  # since the last review
        self._review_at = -math.inf  # source time

    def add(self, planes: Planes, pts: float, now: float) -> None:
        """An edited frame is ready. Frames come in the order of their pts, those of a block at one `now`."""
        needed = now - pts + MARGIN_S
        first, self._added = now != self._added, now  # of its block, which waited for longest
        if first and self.delay is not None and self.delay - needed > STALE_S:
            self.counters.too_late += len(self.queue)
            self.restart()
        if self.delay is None or needed > self.delay:
            self.delay = self._goal = needed
        self._least_spare = min(self._least_spare, self.delay - needed)
        if pts >= self._review_at:
            if math.isfinite(self._review_at):
                self._goal = self.delay - GIVE_BACK * self._least_spare
            self._least_spare, self._review_at = math.inf, pts + REVIEW_S
        self.queue.append((planes, pts))
        if len(self.queue) > self.capacity:
            self.queue.popleft()
            self.counters.too_late += 1
            # a delay longer than the queue is would drop every frame before it is due, for ever
            self.delay = min(self.delay, now - self.queue[0][1])
            self._goal = min(self._goal, self.delay)

    def wait(self, now: float) -> float | None:
        """Seconds until the next frame is due (0: now); None when there is none."""
        if not self.queue or self.delay is None:
            return None
        return max(0.0, self.queue[0][1] + self.delay - now)

    def pop(self) -> tuple[Planes, float]:
        """Take the next frame; the caller has waited until it was due."""
        planes, pts = self.queue.popleft()
        if self.delay is not None and self._shown is not None:
            self.delay = max(self._goal, self.delay - HASTE * min(pts - self._shown, MOST_APART_S))
        self._shown = pts
        return planes, pts
