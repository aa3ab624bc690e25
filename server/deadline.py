"""How long the model process may be silent before it is taken for hung."""

import statistics
from collections import deque

from server import wire

FLOOR_S = 5.0
BLOCKS = 10  # times the usual time of a block
FIRST_USE_S = 60.0  # a session's first block may allocate, compile and choose kernels
RECENT = 32  # blocks that the usual time is of


class Deadline:
    """Its heartbeat comes from the loop that edits blocks: a silence longer than ten blocks and 5 s is a hang.

    Excepted: while it loads, and while a session's first block is in the making.
    """

    def __init__(self, load_timeout_s: float, hang_timeout_s: float | None) -> None:
        """For one process. `hang_timeout_s`: instead of what follows from the measured time of a block."""
        self.load_timeout_s, self.hang_timeout_s = load_timeout_s, hang_timeout_s
        self.loaded = False
        self._busy_s: deque[float] = deque(maxlen=RECENT)
        self._first_use: set[str] = set()  # sessions whose first block is not edited yet

    def note_sent(self, message: wire.Down) -> None:
        match message:
            case wire.Open():
                self._first_use.add(message.session)
            case wire.Close():
                self._first_use.discard(message.session)

    def note_received(self, message: wire.Up) -> None:
        match message:
            case wire.Ready():
                self.loaded = True
            case wire.BlockDone():
                self._first_use.discard(message.session)
                if message.stage_ms:  # else a frame was repeated, in no time
                    self._busy_s.append(message.busy_ms / 1000)
            case wire.SessionFailed():
                self._first_use.discard(message.session)

    @property
    def limit_s(self) -> float:
        if not self.loaded:
            return self.load_timeout_s
        if self.hang_timeout_s is not None:
            return self.hang_timeout_s
        usual = statistics.median(self._busy_s) if self._busy_s else 0.0
        return max(FIRST_USE_S if self._first_use else FLOOR_S, BLOCKS * usual)
