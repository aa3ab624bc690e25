"""Chooses the session whose block is edited next. No torch, no clock: times are arguments, in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """The session whose block is edited now, and how long the block has waited for it."""

    session: str
    waited_s: float


class Scheduler:
    """Round robin by block: the session edited last comes last."""

    def __init__(self) -> None:
        self._order: list[str] = []

    def add(self, session: str) -> None:
        """Add a session as the last in turn."""
        self._order.append(session)

    def remove(self, session: str) -> None:
        self._order.remove(session)

    def pick(self, waiting: Mapping[str, float], now: float) -> Turn | None:
        """The next session in turn. `waiting`: sessions with a complete block, and the arrival of its newest frame."""
        session = next((session for session in self._order if session in waiting), None)
        if session is None:
            return None
        self._order.remove(session)
        self._order.append(session)
        return Turn(session, now - waiting[session])
