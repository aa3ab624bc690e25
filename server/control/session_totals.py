"""Sums over all sessions of a server, which never decrease."""

from server.media.counters import SessionCounters


class SessionTotals:
    """What all sessions since the start have counted; those that have ended are kept as one sum."""

    def __init__(self) -> None:
        self._ended = SessionCounters()
        self._open: list[SessionCounters] = []

    def started(self, counters: SessionCounters) -> None:
        self._open.append(counters)

    def ended(self, counters: SessionCounters) -> None:
        """Idempotent. What it counts afterwards is lost."""
        still_open = [other for other in self._open if other is not counters]
        if len(still_open) < len(self._open):
            self._open = still_open
            self._ended.add(counters)

    def total(self) -> SessionCounters:
        total = SessionCounters()
        for counters in (self._ended, *self._open):
            total.add(counters)
        return total
