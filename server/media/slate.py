"""What viewers see while no new frames arrive: the last frame repeated, then a slate with a text."""

import functools

import numpy as np

from server.ring import Planes

REPEAT_INTERVAL_S = 0.5  # between repetitions: players treat longer gaps as the end of the stream
HOLD_S = 3.0  # how long the last frame is repeated after its source has disconnected
TEXT = "WAITING FOR THE PICTURE"
BACKGROUND, INK, GREY = 32, 180, 128  # luma, luma, chroma
LETTERS = {  # 5 x 7 dots: five bits per row, the most significant is the leftmost dot
    " ": (0, 0, 0, 0, 0, 0, 0),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14),
    "W": (17, 17, 17, 21, 21, 21, 10),
}


@functools.cache
def slate(width: int, height: int) -> Planes:
    """yuv420p planes [height * 3 / 2, width] with `TEXT` in the centre."""
    rows = [[LETTERS[letter][row] >> bit & 1 for letter in TEXT for bit in (5, 4, 3, 2, 1, 0)] for row in range(7)]
    scale = max(1, width * 2 // 3 // len(rows[0]))
    dots = np.kron(np.array(rows, np.uint8), np.ones((scale, scale), np.uint8))[:height, :width]
    planes = np.full((height * 3 // 2, width), GREY, np.uint8)
    planes[:height] = BACKGROUND
    top, left = (height - dots.shape[0]) // 2, (width - dots.shape[1]) // 2
    planes[top : top + dots.shape[0], left : left + dots.shape[1]][dots == 1] = INK
    return planes


class IdleFrame:
    """Decides what replaces missing new frames, and when. Times in seconds, on any one clock."""

    def __init__(self) -> None:
        self._newest: Planes | None = None
        self._sent_at = 0.0  # of the last frame, repetitions included
        self._disconnected_at: float | None = None
        self._source_connected = True

    def new_frame(self, planes: Planes, now: float) -> None:
        """A new frame is sent. It ends the idle time only if the source is connected: some are sent after it left."""
        self._newest, self._sent_at = planes, now
        if self._source_connected:
            self._disconnected_at = None

    def source_disconnected(self, now: float) -> None:
        """The source has disconnected; repeated calls keep the first time."""
        self._source_connected = False
        if self._disconnected_at is None:
            self._disconnected_at = now

    def source_reconnected(self) -> None:
        """The source has reconnected: the next new frame ends the idle time."""
        self._source_connected = True

    def wait(self, now: float) -> float | None:
        """Seconds until a replacement has to be sent; None before the first frame."""
        return None if self._newest is None else max(0.0, self._sent_at + REPEAT_INTERVAL_S - now)

    def pop(self, now: float) -> Planes:
        """The frame to send now; call it after the first frame only."""
        assert self._newest is not None
        self._sent_at = now
        if self._disconnected_at is None or now - self._disconnected_at < HOLD_S:
            return self._newest
        height, width = self._newest.shape[0] * 2 // 3, self._newest.shape[1]
        return slate(width, height)
