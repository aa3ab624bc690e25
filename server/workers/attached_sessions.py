"""The sessions of one worker."""

from typing import Protocol

from server import wire


class AttachedSession(Protocol):
    """The interface of a session to its worker."""

    key: str  # its name in the model process

    @property
    def is_active(self) -> bool:
        """Whether it uses model time now."""

    def handle(self, event: wire.Event, sessions: int) -> None:
        """Handle an event of the session, while `sessions` sessions share the model."""

    def worker_up(self) -> None:
        """A new model process is ready; the session is not open in it yet."""

    def worker_lost(self, reason: str, *, for_good: bool) -> None:
        """The model process has ended; `for_good`: it will not be restarted."""


class AttachedSessions:
    """Passes each event to its session, and starts and losses of the model process to all sessions."""

    def __init__(self) -> None:
        self._sessions: list[AttachedSession] = []

    def attach(self, session: AttachedSession) -> None:
        self._sessions.append(session)

    def detach(self, session: AttachedSession) -> None:
        """Idempotent."""
        if session in self._sessions:
            self._sessions.remove(session)

    def count(self, excluded: AttachedSession | None = None) -> int:
        return sum(session is not excluded for session in self._sessions)

    def handle(self, event: wire.Event) -> None:
        """Pass an event to its session; ignored if that is no longer attached."""
        key = getattr(event, "session", None)
        if session := next((session for session in self._sessions if session.key == key), None):
            session.handle(event, self.sharing(session))

    def sharing(self, session: AttachedSession) -> int:
        """How many sessions share the model now, this one included, active or not."""
        return 1 + sum(other.is_active for other in self._sessions if other is not session)

    def worker_up(self) -> None:
        for session in list(self._sessions):
            session.worker_up()

    def worker_lost(self, reason: str, *, for_good: bool) -> None:
        for session in list(self._sessions):  # one that fails detaches itself
            session.worker_lost(reason, for_good=for_good)
