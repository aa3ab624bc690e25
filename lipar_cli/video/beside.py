"""Reading ahead and writing behind in threads: FFmpeg decodes and encodes while the model computes, in order."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
POLL_S = 0.05  # between looks at whether a thread that is being stopped has ended


class _End:
    """Nothing comes after it."""


class ReadAhead(Generic[T]):
    """Iterates over items that a thread fetches, at most `depth` of them in advance."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fetch, name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        while self._thread.is_alive():  # it may wait for room in the queue
            _take_all(self._queue)
            self._thread.join(POLL_S)

    def __iter__(self) -> Iterator[T]:
        while not isinstance(item := self._queue.get(), _End):
            yield item
        if self._error is not None:
            raise self._error

    def _fetch(self) -> None:
        try:
            for item in self._items:
                if self._stopped.is_set():
                    break
                self._queue.put(item)
        except BaseException as error:  # raised where the items are used
            self._error = error
        self._queue.put(_End())


class WriteBehind:
    """Calls functions in a thread, in order, at most `depth` behind. The first error is raised at the next call."""

    def __init__(self, depth: int) -> None:
        self._queue: queue.Queue[Callable[[], None] | _End] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="write behind", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            _take_all(self._queue)
        self._queue.put(_End())
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def call(self, work: Callable[[], None]) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(work)

    def _work(self) -> None:
        while not isinstance(work := self._queue.get(), _End):
            if self._error is None:
                try:
                    work()
                except BaseException as error:  # raised by `call` or at the end
                    self._error = error


def _take_all(waiting: "queue.Queue[T]") -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
