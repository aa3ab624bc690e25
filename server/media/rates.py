"""Events per second over the last few seconds."""

from collections import deque

WINDOW_S = 3.0


class Rate:
    """Counts events; times in seconds on any one clock."""

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=600)

    def add(self, now: float) -> None:
        self.times.append(now)

    def per_second(self, now: float) -> float:
        while self.times and now - self.times[0] > WINDOW_S:
            self.times.popleft()
        if len(self.times) < 2:
            return 0.0
        return (len(self.times) - 1) / max(self.times[-1] - self.times[0], 1e-3)
