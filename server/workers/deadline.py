"""The heartbeat timeout of the model process."""

import statistics
from collections import deque

from server import wire

MIN_TIMEOUT_S = 5.0
TIMEOUT_BLOCKS = 10  # times the usual time of a block
FIRST_USE_S = 60.0  # the first block of a session may allocate, compile and choose kernels
RECENT_BLOCKS = 32  # blocks that the usual time is of


class Deadline:
    """Its heartbeat comes from the loop that edits blocks: a silence longer than ten blocks and 5 s is a hang.

    What a block takes is the longer of two measurements: the warm-up's, of which every token was computed, and the
    newest blocks'. Where most tokens are reused a block takes a fraction of what the next may, that of a new prompt.
    Excepted: while it loads, and while it edits the first block of a session, from the moment it takes the frames.
    """

    def __init__(self, load_timeout_s: float, hang_timeout_s: float | None) -> None:
        """For one process. `hang_timeout_s`: instead of what follows from the measured time of a block."""
        self.load_timeout_s, self.hang_timeout_s = load_timeout_s, hang_timeout_s
        self.loaded = False
        self._whole_block_s = 0.0
        self._busy_s: deque[float] = deque(maxlen=RECENT_BLOCKS)
        self._new: set[str] = set()  # sessions whose first block is not edited yet
        self._makes_first = False  # its last event was that it starts such a block

    def command_sent(self, message: wire.Command) -> None:
        match message:
            case wire.Open():
                self._new.add(message.session)
            case wire.Close():
                self._new.discard(message.session)

    def event_received(self, message: wire.Event) -> None:
        self._makes_first = isinstance(message, wire.FramesTaken) and message.session in self._new
        match message:
            case wire.Ready():
                self.loaded, self._whole_block_s = True, message.block_ms / 1000
            case wire.BlockDone():
                self._new.discard(message.session)
                if message.stage_ms:  # else a frame was repeated, in no time
                    self._busy_s.append(message.busy_ms / 1000)
            case wire.SessionFailed():
                self._new.discard(message.session)

    @property
    def timeout_s(self) -> float:
        if not self.loaded:
            return self.load_timeout_s
        if self.hang_timeout_s is not None:
            return self.hang_timeout_s
        usual_s = max(self._whole_block_s, statistics.median(self._busy_s) if self._busy_s else 0.0)
        return max(FIRST_USE_S if self._makes_first else MIN_TIMEOUT_S, TIMEOUT_BLOCKS * usual_s)
