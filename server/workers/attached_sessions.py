"""The sessions of one worker."""

from typing import Protocol

from server import wire


class AttachedSession(Protocol):
    """A session as its worker knows it."""

    key: str  # its name in the model process

    @property
    def is_active(self) -> bool:
        """Whether it uses the model now."""

    def handle(self, event: wire.Event, sessions: int) -> None:
        """An event about it, while `sessions` sessions share the model."""

    def worker_up(self) -> None:
        """A model process is ready that does not know it."""

    def worker_lost(self, reason: str, *, for_good: bool) -> None:
        """The model process has ended; `for_good`: there will be no other."""


class AttachedSessions:
    """Passes each event to the session that it is about, and the process's end and start to all."""

    def __init__(self) -> None:
        self._sessions: list[AttachedSession] = []

    def attach(self, session: AttachedSession) -> None:
        self._sessions.append(session)

    def detach(self, session: AttachedSession) -> None:
        """A session that is not attached is no error."""
        if session in self._sessions:
            self._sessions.remove(session)

    def count(self, besides: AttachedSession | None = None) -> int:
        return sum(session is not besides for session in self._sessions)

    def handle(self, event: wire.Event) -> None:
        """An event about one that is no longer attached reaches nobody."""
        key = getattr(event, "session", None)
        session = next((session for session in self._sessions if session.key == key), None)
        if session is not None:
            session.handle(event, 1 + sum(other.is_active for other in self._sessions if other is not session))

    def worker_up(self) -> None:
        for session in list(self._sessions):
            session.worker_up()

    def worker_lost(self, reason: str, *, for_good: bool) -> None:
        for session in list(self._sessions):  # one that fails detaches itself
            session.worker_lost(reason, for_good=for_good)
