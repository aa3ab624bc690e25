"""The web process's side of the model process: starts it, hears it, starts it again."""

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

State = Literal["loading", "ready", "failed", "stopped"]
FROZEN_S = 1.0  # that a timer is late: this process did not run meanwhile
STOP_S = 3.0  # a process that was told to stop is ended after this
BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0)  # before the n-th start in a row that brought no block


class ModelLink:
    """Supervises one model process. All methods and callbacks run on the event loop."""

    def __init__(
        self,
        settings: Settings,
        entry: Entry,
        on_message: Callable[[wire.Up], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        self.settings, self.entry = settings, entry
        self.on_message, self.on_up, self.on_down = on_message, on_up, on_down
        self.state: State = "loading"
        self.reason = "the model is loading"
        self.starts = 0
        self.dtype: str | None = None  # of the newest model process, once it is loaded
        self._pipe: Connection | None = None
        self._fruitless = 0
        self._deadline = Deadline(settings.load_timeout_s, settings.hang_timeout_s)
        self._tasks = Supervisor(self.fail)

    def start(self) -> None:
        self._tasks.start(self._supervise(), "supervise the model process")

    def fail(self, reason: str) -> None:
        """A task that nothing works without has ended, by a fault of ours: every session and /readyz says so."""
        if self.state != "stopped":
            self.state, self.reason = "failed", reason
            self.on_down(reason)

    async def stop(self) -> None:
        """End the process; returns within a few seconds whatever it does."""
        self.state, self.reason = "stopped", "the server is stopping"
        await self._tasks.stop()

    @property
    def congested(self) -> bool:
        """Whether the process has left much unread. Writing on until the pipe is full would stop the event loop."""
        return self._pipe is not None and self._is_full(self._pipe)

    @staticmethod
    def _is_full(pipe: Connection) -> bool:
        poller = select.poll()
        poller.register(pipe.fileno(), select.POLLOUT)
        return not poller.poll(0)

    def send(self, message: wire.Down) -> bool:
        """False when there is no process to say it to."""
        if self._pipe is None:
            return False
        try:
            wire.send(self._pipe, message)
        except OSError:
            return False  # its end is noticed by the reader
        self._deadline.note_sent(message)
        return True

    async def _supervise(self) -> None:
        while True:
            reason = await self._run_once()
            if self.state == "failed":
                return
            if self.state != "stopped":
                delay = BACKOFF_S[min(self._fruitless, len(BACKOFF_S) - 1)]
                log.warning("%s; starting it again in %.1f s", reason, delay)
                self._fruitless += 1
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
            reason, hung = await self._end_of(ours)
            self._lost(reason)
            return reason
        finally:
            self._pipe = None
            if not hung and not self._is_full(ours):
                with contextlib.suppress(OSError):
                    wire.send(ours, wire.Stop())
            ours.close()
            await asyncio.shield(asyncio.to_thread(_end, process, 0.0 if hung else STOP_S))

    async def _end_of(self, pipe: Connection) -> tuple[str, bool]:
        """Listen until the process is of no more use; why it is not, and whether it hangs."""
        try:
            return await self._listen(pipe), False
        except TimeoutError:
            return f"the model process has given no heartbeat for {self._deadline.limit_s:.0f} s", True
        except (EOFError, OSError):
            return "the model process ended unexpectedly", False

    def _lost(self, reason: str) -> None:
        """Nothing more comes from it. Said before it is ended, which may take seconds."""
        self._pipe = None
        if self.state in ("loading", "ready"):
            self.state, self.reason = "loading", reason
        self.on_down(reason)

    async def _listen(self, pipe: Connection) -> str:
        """Until it says why it ends. Raises `TimeoutError` when it hangs, `EOFError` when it ends without a word."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(pipe.fileno(), heard.set)
        try:
            while True:
                await self._wait_for_message(pipe, heard)
                heard.clear()
                while pipe.poll():
                    message = wire.receive_up(pipe)
                    match message:
                        case wire.NotLoaded():
                            self.state, self.reason = "failed", message.reason
                            return message.reason
                        case wire.Ending():
                            return message.reason
                    self._deadline.note_received(message)
                    self._handle(message)
        finally:
            loop.remove_reader(pipe.fileno())

    async def _wait_for_message(self, pipe: Connection, heard: asyncio.Event) -> None:
        """Raises `TimeoutError` past the deadline, which may move while we wait."""
        since = time.monotonic()
        while (left := since + self._deadline.limit_s - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), left)
                return
            if time.monotonic() - since > self._deadline.limit_s + FROZEN_S:
                since = time.monotonic()  # both processes were stopped, by `docker pause` or a laptop's lid
        if not pipe.poll():  # else it was this process that had no time
            raise TimeoutError

    def _handle(self, message: wire.Up) -> None:
        match message:
            case wire.Ready():
                log.info("the model is ready: warm-up took %.0f ms", message.warmup_ms)
                self.state, self.reason, self.dtype = "ready", "", message.dtype
                self.on_up()
            case wire.Beat():
                pass
            case _:
                if isinstance(message, wire.BlockDone):
                    self._fruitless = 0
                self.on_message(message)


def _end(process: multiprocessing.process.BaseProcess, patience_s: float) -> None:
    process.join(patience_s)
    if process.is_alive():
        process.kill()
        process.join()
