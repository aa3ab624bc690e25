"""What viewers see while nothing new comes: the last picture for a while, then a card that says so."""

import functools

import numpy as np

from server.ring import Planes

REPEAT_S = 0.5  # between repetitions: a player takes a longer silence for the end
HELD_S = 3.0  # how long the last picture stands after its source has gone
TEXT = "WAITING FOR THE PICTURE"
BACKGROUND, INK, GREY = 32, 180, 128  # luma, luma, chroma
LETTERS = {  # 5 x 7 dots, a row each; the highest of five bits is the left one
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
    """yuv420p planes [height * 3 / 2, width] with `TEXT` in the middle."""
    rows = [[LETTERS[letter][row] >> bit & 1 for letter in TEXT for bit in (5, 4, 3, 2, 1, 0)] for row in range(7)]
    scale = max(1, width * 2 // 3 // len(rows[0]))
    dots = np.kron(np.array(rows, np.uint8), np.ones((scale, scale), np.uint8))[:height, :width]
    planes = np.full((height * 3 // 2, width), GREY, np.uint8)
    planes[:height] = BACKGROUND
    top, left = (height - dots.shape[0]) // 2, (width - dots.shape[1]) // 2
    planes[top : top + dots.shape[0], left : left + dots.shape[1]][dots == 1] = INK
    return planes


class IdlePicture:
    """Decides what stands in for new pictures, and when. Times in seconds, on any one clock."""

    def __init__(self) -> None:
        self._newest: Planes | None = None
        self._sent_at = 0.0  # anything, repetitions included
        self._source_left_at: float | None = None
        self._source_is_back = True

    def new_picture(self, planes: Planes, now: float) -> None:
        """A new picture goes out. It ends the wait where its source is back: some are on their way when it leaves."""
        self._newest, self._sent_at = planes, now
        if self._source_is_back:
            self._source_left_at = None

    def source_disconnected(self, now: float) -> None:
        """Nobody sends pictures any more."""
        self._source_is_back = False
        if self._source_left_at is None:
            self._source_left_at = now

    def source_reconnected(self) -> None:
        """The next new picture is the source's."""
        self._source_is_back = True

    def wait(self, now: float) -> float | None:
        """Seconds until something has to be sent in place of a new picture; None before the first one."""
        return None if self._newest is None else max(0.0, self._sent_at + REPEAT_S - now)

    def take(self, now: float) -> Planes:
        """What to send now; after the first picture."""
        assert self._newest is not None
        self._sent_at = now
        if self._source_left_at is None or now - self._source_left_at < HELD_S:
            return self._newest
        height, width = self._newest.shape[0] * 2 // 3, self._newest.shape[1]
        return slate(width, height)
