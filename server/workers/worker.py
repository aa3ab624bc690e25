"""The web process's side of the model process: starts it, reads its events, restarts it."""

import asyncio
import contextlib
import logging
import multiprocessing
import select
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Literal

from server import wire
from server.model_options import ModelOptions
from server.settings import Settings
from server.supervisor import Supervisor
from server.workers.deadline import Deadline
from server.workers.entry import Entry

log = logging.getLogger(__name__)

WorkerState = Literal["loading", "ready", "failed", "stopped"]
SUSPENDED_S = 1.0  # that a timer is late: this process did not run meanwhile
STOP_S = 3.0  # a process that has not ended so long after `Stop` is killed
BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0)  # before the n-th start in a row that brought no block


class Worker:
    """Supervises one model process. All methods and callbacks run on the event loop."""

    def __init__(
        self,
        settings: Settings,
        entry: Entry,
        on_message: Callable[[wire.Event], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        self.settings, self.entry = settings, entry
        self.on_message, self.on_up, self.on_down = on_message, on_up, on_down
        self.state: WorkerState = "loading"
        self.reason = "the model is loading"
        self.starts = 0
        self.dtype: str | None = None  # of the newest model process, once it is loaded
        self._pipe: Connection | None = None
        self._failed_starts = 0
        self._deadline = Deadline(settings.load_timeout_s, settings.hang_timeout_s)
        self._tasks = Supervisor(self.fail)

    def start(self) -> None:
        self._tasks.start(self._supervise(), "supervise the model process")

    def fail(self, reason: str) -> None:
        """An essential task has failed: every session and /readyz report it."""
        if self.state != "stopped":
            self.state, self.reason = "failed", reason
            self.on_down(reason)

    async def stop(self) -> None:
        """End the process; returns within a few seconds whatever it does."""
        self.state, self.reason = "stopped", "the server is stopping"
        await self._tasks.stop()

    @property
    def congested(self) -> bool:
        """Whether the pipe is full: a further write would block the event loop."""
        return self._pipe is not None and self._is_full(self._pipe)

    @staticmethod
    def _is_full(pipe: Connection) -> bool:
        poller = select.poll()
        poller.register(pipe.fileno(), select.POLLOUT)
        return not poller.poll(0)

    def send(self, message: wire.Command) -> bool:
        """False when there is no process."""
        if self._pipe is None:
            return False
        try:
            wire.send(self._pipe, message)
        except OSError:
            return False  # its end is noticed by the reader
        self._deadline.command_sent(message)
        return True

    async def _supervise(self) -> None:
        while True:
            reason = await self._run_once()
            if self.state == "failed":
                return
            if self.state != "stopped":
                delay = BACKOFF_S[min(self._failed_starts, len(BACKOFF_S) - 1)]
                log.warning("%s; starting it again in %.1f s", reason, delay)
                self._failed_starts += 1
                await asyncio.sleep(delay)

    def _options(self) -> ModelOptions:
        names = ("preset", "size", "device", "dtype", "threads")
        return ModelOptions(**{name: getattr(self.settings, name) for name in names})

    async def _run_once(self) -> str:
        """Run one model process to its end; returns why it ended."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        settings = self.settings
        process = context.Process(
            target=self.entry,
            args=(theirs, self._options()),
            name="lipar-model",
            daemon=True,
        )
        process.start()
        theirs.close()
        self.starts += 1
        self._pipe, self._deadline = ours, Deadline(settings.load_timeout_s, settings.hang_timeout_s)
        hung = False
        try:
            reason, hung = await self._wait_for_end(ours)
            self._process_process_lost(reason)
            return reason
        finally:
            self._pipe = None
            if not hung and not self._is_full(ours):
                with contextlib.suppress(OSError):
                    wire.send(ours, wire.Stop())
            ours.close()
            await asyncio.shield(asyncio.to_thread(_stop_process, process, 0.0 if hung else STOP_S))

    async def _wait_for_end(self, pipe: Connection) -> tuple[str, bool]:
        """Listen until the process is of no more use; why it is not, and whether it hangs."""
        try:
            return await self._read_events(pipe), False
        except TimeoutError:
            return f"the model process has given no heartbeat for {self._deadline.timeout_s:.0f} s", True
        except (EOFError, OSError):
            return "the model process ended unexpectedly", False

    def _process_process_lost(self, reason: str) -> None:
        """Report the loss before the process is stopped, which may take seconds."""
        self._pipe = None
        if self.state in ("loading", "ready"):
            self.state, self.reason = "loading", reason
        self.on_down(reason)

    async def _read_events(self, pipe: Connection) -> str:
        """Returns its reason to end. Raises `TimeoutError` when it hangs, `EOFError` when it ends without one."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(pipe.fileno(), readable.set)
        try:
            while True:
                await self._wait_for_message(pipe, readable)
                readable.clear()
                while pipe.poll():
                    message = wire.receive_event(pipe)
                    match message:
                        case wire.LoadFailed():
                            self.state, self.reason = "failed", message.reason
                            return message.reason
                        case wire.Exiting():
                            return message.reason
                    self._deadline.event_received(message)
                    self._handle(message)
        finally:
            loop.remove_reader(pipe.fileno())

    async def _wait_for_message(self, pipe: Connection, readable: asyncio.Event) -> None:
        """Raises `TimeoutError` past the deadline, which may move while we wait."""
        since = time.monotonic()
        while (left := since + self._deadline.timeout_s - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(readable.wait(), left)
                return
            if time.monotonic() - since > self._deadline.timeout_s + SUSPENDED_S:
                since = time.monotonic()  # both processes were stopped, by `docker pause` or a laptop's lid
        if not pipe.poll():  # else it was this process that had no time
            raise TimeoutError

    def _handle(self, message: wire.Event) -> None:
        match message:
            case wire.Ready():
                log.info("the model is ready: warm-up took %.0f ms", message.warmup_ms)
                self.state, self.reason, self.dtype = "ready", "", message.dtype
                self.on_up()
            case wire.Heartbeat():
                pass
            case _:
                if isinstance(message, wire.BlockDone):
                    self._failed_starts = 0
                self.on_message(message)


def _stop_process(process: multiprocessing.process.BaseProcess, timeout_s: float) -> None:
    process.join(timeout_s)
    if process.is_alive():
        process.kill()
        process.join()
