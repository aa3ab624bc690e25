"""Tells the web process what loading is doing, so that a long conversion or compilation does not count as a hang."""

import logging
from collections.abc import Callable
from multiprocessing.connection import Connection

from server import wire

log = logging.getLogger(__name__)

INTERVAL_S = 1.0  # between two messages


class LoadReporter:
    """Sends the activity, at most once per interval."""

    def __init__(self, pipe: Connection, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds."""
        self._pipe, self._clock = pipe, clock
        self._sent_at = float("-inf")

    def __call__(self, activity: str) -> None:
        """Raises `SystemExit` if the web process has ended: nobody waits for the model."""
        if self._clock() - self._sent_at < INTERVAL_S:
            return
        try:
            wire.send(self._pipe, wire.Loading(activity=activity))
        except OSError as error:
            log.info("the web process has ended")
            raise SystemExit from error
        self._sent_at = self._clock()
