"""When edited frames are shown: at the pace of their source, a steady delay behind it."""

import math
from collections import deque

from server.ring import Planes

REVIEW_S = 2.0  # of source time, after which a delay that was not needed is given back
GIVE_BACK = 0.5  # share of it
MARGIN_S = 0.01  # kept on top of the delay that was needed


class Pacer:
    """A queue with a clock. A frame of source time s is due at s + delay; the delay follows what blocks need.

    A late block raises the delay at once (the picture waits, nothing is shown twice, nothing races to catch up); a
    delay that is not needed any more shrinks slowly. Times in seconds, on one clock with the source's.
    """

    def __init__(self, capacity: int) -> None:
        """`capacity`: frames that may wait; past it the oldest go."""
        self.queue: deque[tuple[Planes, float]] = deque()
        self.capacity = capacity
        self.dropped = 0
        self.restart()

    def restart(self) -> None:
        """Forget what waits, and the delay that it needed."""
        self.queue.clear()
        self.delay: float | None = None
        self._least_spare = math.inf  # since the last review
        self._review_at = -math.inf  # source time

    def add(self, planes: Planes, pts: float, now: float) -> None:
        """An edited frame is ready. Frames must come in the order of their pts."""
        needed = now - pts + MARGIN_S
        self.delay = needed if self.delay is None else max(self.delay, needed)
        self._least_spare = min(self._least_spare, self.delay - needed)
        if pts >= self._review_at:
            if math.isfinite(self._review_at):
                self.delay -= GIVE_BACK * self._least_spare
            self._least_spare, self._review_at = math.inf, pts + REVIEW_S
        self.queue.append((planes, pts))
        if len(self.queue) > self.capacity:
            self.queue.popleft()
            self.dropped += 1

    def wait(self, now: float) -> float | None:
        """Seconds until the next frame is due (0: now); None when there is none."""
        if not self.queue or self.delay is None:
            return None
        return max(0.0, self.queue[0][1] + self.delay - now)

    def pop(self) -> tuple[Planes, float]:
        """Take the next frame; the caller has waited until it was due."""
        return self.queue.popleft()
