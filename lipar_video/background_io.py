"""Read-ahead and write-behind threads: FFmpeg decodes and encodes while the model computes; order is preserved."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
POLL_S = 0.05  # poll interval while a thread is being stopped


class _EndOfStream:
    """Marks the end of a queue."""


class ReadAhead(Generic[T]):
    """Iterates over items that a thread fetches, at most `depth` of them in advance."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _EndOfStream] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read_items, name="read ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        while self._thread.is_alive():  # it may be blocked on a full queue
            _drain_queue(self._queue)
            self._thread.join(POLL_S)

    def __iter__(self) -> Iterator[T]:
        while not isinstance(item := self._queue.get(), _EndOfStream):
            yield item
        if self._error is not None:
            raise self._error

    def _read_items(self) -> None:
        try:
            for item in self._items:
                if self._stopped.is_set():
                    break
                self._queue.put(item)
        except BaseException as error:  # re-raised in the consumer
            self._error = error
        self._queue.put(_EndOfStream())


class WriteBehind:
    """Calls functions in a thread, in order, with a queue of `depth`. An error is raised at the next call."""

    def __init__(self, depth: int) -> None:
        self._queue: queue.Queue[Callable[[], None] | _EndOfStream] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run_calls, name="write behind", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            _drain_queue(self._queue)
        self._queue.put(_EndOfStream())
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def call(self, work: Callable[[], None]) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(work)

    def _run_calls(self) -> None:
        while not isinstance(work := self._queue.get(), _EndOfStream):
            if self._error is None:
                try:
                    work()
                except BaseException as error:  # re-raised by `call` or `__exit__`
                    self._error = error


def _drain_queue(waiting: "queue.Queue[T]") -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
