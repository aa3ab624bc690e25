"""Background tasks with an owner that is notified when one fails."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

OnError = Callable[[str], None]


class Supervisor:
    """The tasks of one owner. An error of a task that is not awaited would otherwise be lost.

    A task that raises is logged, and `on_error` is called once with a text for the user. All methods run on the event
    loop.
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
        """Cancel all tasks without waiting for their end."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all tasks, except the calling one, and wait until they have ended."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)  # errors are reported by `_ended`

    async def finish(self, *excluded: asyncio.Task[Any]) -> None:
        """Wait until all tasks but `excluded` and the calling one have ended by themselves."""
        await asyncio.gather(*(self._tasks - {asyncio.current_task(), *excluded}), return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %r ended by an error", task.get_name(), exc_info=error)
            self.on_error(f"an internal error: {task.get_name()}: {type(error).__name__}: {error}")
