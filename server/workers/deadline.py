"""The heartbeat timeout of the model process."""

import statistics
from collections import deque

from server import wire

MIN_TIMEOUT_S = 5.0
TIMEOUT_BLOCKS = 10  # multiple of the usual time per block
FIRST_USE_S = 60.0  # a session's first block may allocate memory and compile kernels
RECENT_BLOCKS = 32  # number of blocks in the median


class Deadline:
    """The heartbeat comes from the loop that edits blocks: no message for ten blocks, and at least 5 s, is a hang.

    The time per block is the longer of two measurements: the warm-up's, in which every token was computed, and the
    median of the newest blocks. With most tokens reused, a block takes a fraction of the time of one with a new prompt.
    Longer timeouts apply while the models load and while a session's first block is edited.
    """

    def __init__(self, load_timeout_s: float, hang_timeout_s: float | None) -> None:
        """For one process. `hang_timeout_s`: replaces the timeout by the measured time per block."""
        self.load_timeout_s, self.hang_timeout_s = load_timeout_s, hang_timeout_s
        self.loaded = False
        self._full_block_s = 0.0
        self._busy_s: deque[float] = deque(maxlen=RECENT_BLOCKS)
        self._new: set[str] = set()  # sessions before the end of their first block
        self._editing_first_block = False  # the first block of a session is being edited

    def command_sent(self, message: wire.Command) -> None:
        match message:
            case wire.Open():
                self._new.add(message.session)
            case wire.Close():
                self._new.discard(message.session)

    def event_received(self, message: wire.Event) -> None:
        self._editing_first_block = isinstance(message, wire.FramesTaken) and message.session in self._new
        match message:
            case wire.Ready():
                self.loaded, self._full_block_s = True, message.block_ms / 1000
            case wire.BlockDone():
                self._new.discard(message.session)
                if message.stage_ms:  # else a frame was only repeated
                    self._busy_s.append((message.edit_ms + message.clean_ms) / 1000)
            case wire.SessionFailed():
                self._new.discard(message.session)

    @property
    def timeout_s(self) -> float:
        if not self.loaded:
            return self.load_timeout_s
        if self.hang_timeout_s is not None:
            return self.hang_timeout_s
        usual_s = max(self._full_block_s, statistics.median(self._busy_s) if self._busy_s else 0.0)
        return max(FIRST_USE_S if self._editing_first_block else MIN_TIMEOUT_S, TIMEOUT_BLOCKS * usual_s)
