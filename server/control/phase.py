"""The phases of a session, and the transitions between them."""

import time
from typing import Literal

from server.errors import SessionNotFound

Phase = Literal["new", "connected", "parked", "failed", "closed"]

NEXT: dict[Phase, tuple[Phase, ...]] = {
    "new": ("connected", "failed", "closed"),  # its first connection is being set up
    "connected": ("connected", "parked", "failed", "closed"),  # to itself: a new connection replaces the old one
    "parked": ("connected", "failed", "closed"),  # its source is disconnected and may reconnect
    "failed": ("closed",),  # it cannot continue; kept so that clients can read the reason
    "closed": (),
}


class SessionPhase:
    """A session's phase. Changes atomically: nothing is awaited between `allows` and `enter`."""

    def __init__(self) -> None:
        self.name: Phase = "new"
        self.since = time.monotonic()
        self.reason: str | None = None  # why it is parked or has failed

    def allows(self, phase: Phase) -> bool:
        return phase in NEXT[self.name]

    def enter(self, phase: Phase, reason: str | None = None) -> None:
        assert self.allows(phase), f"no transition from {self.name} to {phase}, only to {NEXT[self.name]}"
        self.name, self.since, self.reason = phase, time.monotonic(), reason

    def require(self, phase: Phase) -> None:
        """Raises `SessionNotFound` with the reason if the transition is not allowed."""
        if self.allows(phase):
            return
        if self.name == "failed":
            raise SessionNotFound(f"the session has failed: {self.reason}")
        raise SessionNotFound("the session has ended")
