"""What ended sessions leave to the next ones: on a GPU its allocation, and the recording of graphs, take seconds."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ReusePool(Generic[T]):
    """Never holds more than ended sessions held: one entry is freed whenever another one has to be built."""

    def __init__(self) -> None:
        self._entries: list[tuple[Hashable, T]] = []

    def take(self, key: Hashable, build: Callable[[], T]) -> T:
        """Of an ended session with an equal key, else a new one. Its contents are undefined."""
        for i, (other, entry) in enumerate(self._entries):
            if other == key:
                del self._entries[i]
                return entry
        if self._entries:
            del self._entries[0]  # the one that has waited longest
        return build()

    def give_back(self, key: Hashable, entry: T) -> None:
        """The caller does not use it any more."""
        self._entries.append((key, entry))

    def clear(self) -> None:
        """Free all entries."""
        self._entries.clear()
