"""Who is edited next. Knows names alone: no torch, no clock."""

from collections.abc import Callable


class Scheduler:
    """Round robin by block: the session edited last comes last."""

    def __init__(self) -> None:
        self._order: list[str] = []

    def add(self, name: str) -> None:
        """A new session comes last."""
        self._order.append(name)

    def remove(self, name: str) -> None:
        self._order.remove(name)

    def pick(self, ready: Callable[[str], bool]) -> str | None:
        """The first in turn of those that are ready, who comes last from now on; None where nobody is."""
        name = next((name for name in self._order if ready(name)), None)
        if name is not None:
            self._order.remove(name)
            self._order.append(name)
        return name
