"""Playout times of edited frames: at the source's pace, after a steady delay."""

import math
from collections import deque

from server.media.counters import SessionCounters
from server.ring import Planes

REVIEW_INTERVAL_S = 2.0  # of source time, after which slack in the delay begins to decay
DECAY_RATIO = 0.5  # of the slack, per review
CATCH_UP_RATE = 0.12  # how much faster than real time frames are played while the delay decays: not visible
MAX_FRAME_INTERVAL_S = 0.2  # a longer interval between two frames is a pause
STALE_S = 1.0  # slack that indicates the end of a stall: the delay is reset at once
MARGIN_S = 0.01  # added to the delay that was needed


class Pacer:
    """A playout queue. A frame of source time s is due at s + delay; the delay adapts to the blocks' latency.

    A late block raises the delay at once (playback pauses; no frame is repeated or hurried); slack decays slowly.
    After a stall the frames queued during it are dropped and playback continues with the newest. Times in seconds,
    on the clock of the source times.
    """

    def __init__(self, capacity: int, counters: SessionCounters | None = None) -> None:
        """`capacity`: frames in the queue; then the oldest are dropped."""
        self.queue: deque[tuple[Planes, float]] = deque()
        self.capacity = capacity
        self.counters = counters or SessionCounters()
        self.reset()

    def reset(self) -> None:
        """Discard the queue and the delay."""
        self.queue.clear()
        self.delay: float | None = None
        self._target_delay = -math.inf  # that the delay decays to
        self._last_added = -math.inf  # time of the newest `add`
        self._last_pts: float | None = None  # source time of the newest popped frame
        self._min_slack = math.inf  # since the last review
        self._next_review = -math.inf  # source time

    def add(self, planes: Planes, pts: float, now: float) -> None:
        """Queue an edited frame. Frames are added in pts order, those of a block with the same `now`."""
        needed = now - pts + MARGIN_S
        first = now != self._last_added  # of its block: the one with the highest latency
        self._last_added = now
        if first and self.delay is not None and self.delay - needed > STALE_S:
            self.counters.too_late += len(self.queue)
            self.reset()
        if self.delay is None or needed > self.delay:
            self.delay = self._target_delay = needed
        self._min_slack = min(self._min_slack, self.delay - needed)
        if pts >= self._next_review:
            if math.isfinite(self._next_review):
                self._target_delay = self.delay - DECAY_RATIO * self._min_slack
            self._min_slack = math.inf
            self._next_review = pts + REVIEW_INTERVAL_S
        self.queue.append((planes, pts))
        if len(self.queue) > self.capacity:
            self.queue.popleft()
            self.counters.too_late += 1
            # a delay longer than the queue would drop every frame before it is due, permanently
            self.delay = min(self.delay, now - self.queue[0][1])
            self._target_delay = min(self._target_delay, self.delay)

    def wait(self, now: float) -> float | None:
        """Seconds until the next frame is due (0: now); None if the queue is empty."""
        if not self.queue or self.delay is None:
            return None
        return max(0.0, self.queue[0][1] + self.delay - now)

    def pop(self) -> tuple[Planes, float]:
        """Remove and return the next frame; the caller has waited until it was due."""
        planes, pts = self.queue.popleft()
        if self.delay is not None and self._last_pts is not None:
            self.delay = max(
                self._target_delay, self.delay - CATCH_UP_RATE * min(pts - self._last_pts, MAX_FRAME_INTERVAL_S)
            )
        self._last_pts = pts
        return planes, pts
