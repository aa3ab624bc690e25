"""A progress line, shown only on a terminal."""

import sys
import time

INTERVAL_S = 0.2


class Progress:
    """Counts frames and shows progress."""

    def __init__(self, expected: int | None) -> None:
        self.expected = expected
        self.done = 0
        self.started = time.perf_counter()
        self._printed_at = 0.0
        self._terminal = sys.stderr.isatty()

    @property
    def fps(self) -> float:
        return self.done / max(time.perf_counter() - self.started, 1e-6)

    def add(self, frames: int) -> None:
        self.done += frames
        now = time.perf_counter()
        if self._terminal and now - self._printed_at > INTERVAL_S:
            self._printed_at = now
            print(f"\r{self._line()}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal:
            print(f"\r{self._line()}", file=sys.stderr)

    def _line(self) -> str:
        if not self.expected:
            return f"{self.done} frames, {self.fps:.1f} fps"
        ratio = min(1.0, self.done / self.expected)
        bar = "#" * round(30 * ratio)
        return f"[{bar:<30}] {self.done}/{self.expected} frames, {self.fps:.1f} fps "
