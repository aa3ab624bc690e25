"""Events per second over the last few seconds."""

from collections import deque

WINDOW_S = 3.0


class Rate:
    """Counts events; times in seconds on any one clock."""

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=600)
        self._start: float | None = None

    def add(self, now: float) -> None:
        self._start = now if self._start is None else self._start
        self.times.append(now)

    def per_second(self, now: float) -> float:
        if self._start is None:
            return 0.0
        # events may come in bursts: average over at least one second
        recent = sum(now - time <= WINDOW_S for time in self.times)
        return recent / max(min(now - self._start, WINDOW_S), 1.0)
