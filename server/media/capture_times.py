"""When the source captured the frame that an edited frame shows, by the source's own clock."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable

RECENT = 512  # frames: longer than any frame is edited and queued
MAX_DISTANCE_S = 2.0  # of a capture time to that of a frame
NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970

OnSent = Callable[[int, float], None]


class CaptureTimes:
    """Follows frames by their source time here, `stamp`, from the source to the edited stream."""

    def __init__(self) -> None:
        self.on_sent: OnSent | None = None  # `on_sent(pts, captured_s)`: an edited frame is being sent
        self._stamps: deque[float] = deque(maxlen=RECENT)
        self._captured: deque[float] = deque(maxlen=RECENT)

    def received(self, stamp: float, ntp_s: float | None) -> None:
        """A source frame was captured at this NTP time; None: the source has sent no sender report yet."""
        if ntp_s is not None:
            self._stamps.append(stamp)
            self._captured.append(ntp_s - NTP_EPOCH_S)

    def stamp_at(self, captured_s: float) -> float | None:
        """The source time here of what the source captured at this Unix time; None: no frame was captured near it."""
        index = max(0, bisect_right(self._captured, captured_s) - 1)
        if not self._captured or not abs(captured_s - self._captured[index]) <= MAX_DISTANCE_S:  # also not a number
            return None
        return self._stamps[index] + captured_s - self._captured[index]

    def sent(self, stamp: float, pts: int) -> None:
        """The edited frame of this source time is sent with this presentation time of the edited stream."""
        index = bisect_right(self._stamps, stamp) - 1  # a frame repeated in place of missing ones has a later stamp
        if self.on_sent is not None and index >= 0:
            self.on_sent(pts, self._captured[index])
