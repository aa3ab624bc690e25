"""The pipe to one model process, in the web process."""

import asyncio
import contextlib
import select
import time
from multiprocessing.connection import Connection

from server import wire
from server.workers.deadline import Deadline

SUSPENDED_S = 1.0  # a timer this late means that this process was suspended
CONGESTED = "too many requests are waiting for the model; try again later"


class Link:
    """Commands to a model process and events from it; a process without a heartbeat counts as ended."""

    def __init__(self, pipe: Connection, deadline: Deadline) -> None:
        self._pipe, self.deadline = pipe, deadline
        self._loop = asyncio.get_running_loop()
        self._readable = asyncio.Event()
        self._loop.add_reader(pipe.fileno(), self._readable.set)

    @property
    def congested(self) -> bool:
        """Whether the pipe is full: a further write would block the event loop."""
        poller = select.poll()
        poller.register(self._pipe.fileno(), select.POLLOUT)
        return not poller.poll(0)

    def send(self, command: wire.Command) -> bool:
        """Send a command; False if the process has ended (`receive` then raises)."""
        try:
            wire.send(self._pipe, command)
        except OSError:
            return False
        self.deadline.command_sent(command)
        return True

    async def receive(self) -> wire.Event:
        """The next event.

        Raises `TimeoutError` past the deadline, `EOFError` or `OSError` if the process has ended.
        """
        while not self._pipe.poll():  # a wake-up may be for an event that is already read
            self._readable.clear()
            await self._wait_until_readable()
        event = wire.receive_event(self._pipe)
        self.deadline.event_received(event)
        return event

    async def _wait_until_readable(self) -> None:
        """Raises `TimeoutError` past the deadline, which may move meanwhile."""
        since = time.monotonic()
        while (remaining_s := since + self.deadline.timeout_s - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._readable.wait(), remaining_s)
                return
            if time.monotonic() - since > self.deadline.timeout_s + SUSPENDED_S:
                since = time.monotonic()  # both processes were suspended (`docker pause`, a closed laptop)
        if not self._pipe.poll():  # else only this process was late
            raise TimeoutError

    def close(self) -> None:
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
