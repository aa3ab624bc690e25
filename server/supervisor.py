"""Background tasks with an owner that is notified when one fails."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

OnError = Callable[[str], None]


class Supervisor:
    """The tasks of one owner. An error that nobody awaits would otherwise be lost with its task.

    A task that returns or is cancelled ends in silence; one that raises is logged, and `on_error` is called once with a
    text for the user. All methods run on the event loop.
    """

    def __init__(self, on_error: OnError) -> None:
        self.on_error = on_error
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` concurrently."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """Ask all tasks to end, without waiting for it."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended; not the one that calls this."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)  # errors are reported by `_ended`

    async def finish(self, *besides: asyncio.Task[Any]) -> None:
        """Wait until all tasks have ended by themselves, `besides` some."""
        await asyncio.gather(*(self._tasks - {asyncio.current_task(), *besides}), return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %r ended by an error", task.get_name(), exc_info=error)
            self.on_error(f"an internal error: {task.get_name()}: {type(error).__name__}: {error}")
