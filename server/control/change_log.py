"""Records a session's changes with their blocks, for its timeline."""

from lipar_core.parameters import Parameters
from lipar_core.session_timeline import SessionTimeline, TimelineEntry

MAX_ENTRIES = 5_000  # about 4 MB of JSON


class ChangeLog:
    """One entry per block that begins with changed parameters; several changes before a block are one entry.

    A new model process numbers its blocks from 0 again: here they continue after the last one, with a reset.
    """

    def __init__(self, parameters: Parameters) -> None:
        """`parameters`: what the session begins with."""
        self.entries = [TimelineEntry(block=0, parameters=parameters)]
        self.omitted = 0  # entries after `MAX_ENTRIES`
        self._first_block = 0  # of the current model process, in this log
        self._next_block = 0

    def session_opened(self, parameters: Parameters) -> None:
        """The session is opened in a model process, with these parameters."""
        self._first_block = self._next_block
        self.add(0, parameters, reset=self._first_block > 0)

    def block_done(self, block: int) -> None:
        self._next_block = self._first_block + block + 1

    def add(self, block: int, parameters: Parameters, *, reset: bool) -> None:
        """From `block` of the current model process on, these parameters apply."""
        number = self._first_block + block
        if self.entries[-1].block == number:
            reset |= self.entries.pop().reset
        elif len(self.entries) >= MAX_ENTRIES:
            self.omitted += 1
            return
        self.entries.append(TimelineEntry(block=number, parameters=parameters, reset=reset))

    def timeline(self, preset: str, size: str, dtype: str | None, buckets: tuple[int, ...]) -> SessionTimeline:
        """The entries with the model that applies them."""
        return SessionTimeline(
            preset=preset, size=size, dtype=dtype, buckets=buckets, entries=tuple(self.entries), omitted=self.omitted
        )
