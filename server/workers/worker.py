"""Supervises a model process: starts it, reads its events, restarts it."""

import asyncio
import logging
import multiprocessing
import time
from multiprocessing.process import BaseProcess

from server import wire
from server.model_options import ModelOptions
from server.settings import Settings
from server.supervisor import Supervisor
from server.workers.attached_sessions import AttachedSession, AttachedSessions
from server.workers.deadline import Deadline
from server.workers.entry import Entry
from server.workers.link import CONGESTED, Link
from server.workers.status import ModelCounters, WorkerState, WorkerStatus

log = logging.getLogger(__name__)

STOP_S = 3.0  # after `Stop`; then the process is killed
BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0)  # before the n-th start in a row that brought no block


class Worker:
    """Runs one model process at a time, with its sessions. All methods run on the event loop."""

    def __init__(
        self, index: int, options: ModelOptions, settings: Settings, entry: Entry, process_counters: ModelCounters
    ) -> None:
        """`index`: the worker's position in the pool."""
        self.index = index
        self.options = options
        self.settings = settings
        self.entry = entry
        self.process_counters = process_counters
        self.sessions = AttachedSessions()
        self.state: WorkerState = "loading"
        self.reason = "the model is loading"
        self.starts = 0
        self.load_started = time.monotonic()
        self.ready_after_s: float | None = None  # of the newest model process, since `load_started`
        self.dtype: str | None = None  # of the newest model process, once it is loaded
        self.buckets: dict[str, tuple[int, ...]] = {}  # its, by size of the picture
        self._link: Link | None = None
        self._failed_starts = 0
        self._tasks = Supervisor(self.fail)

    @property
    def device(self) -> str:
        return self.options.device

    @property
    def label(self) -> tuple[int, str]:
        """For the log."""
        return self.index, self.device

    def start(self) -> None:
        self._tasks.start(self._supervise(), "supervise the model process")

    def fail(self, reason: str) -> None:
        """An essential task has failed: its sessions and /readyz report it."""
        if self.state != "stopped":
            self.state, self.reason = "failed", reason
            self.sessions.worker_lost(reason, for_good=True)

    async def stop(self) -> None:
        """End the process; returns within a few seconds in any case."""
        self.state, self.reason = "stopped", "the server is stopping"
        await self._tasks.stop()

    @property
    def unavailable_reason(self) -> str:
        """Why it accepts neither sessions nor changes now; empty if it does."""
        if self.state != "ready":
            return self.reason
        return CONGESTED if self._link is not None and self._link.congested else ""

    def status(self, leaving: AttachedSession | None = None) -> WorkerStatus:
        """`leaving` is not counted."""
        return WorkerStatus(
            index=self.index,
            device=self.device,
            state=self.state,
            reason=self.unavailable_reason,
            sessions=self.sessions.count(excluded=leaving),
            ready_after_s=self.ready_after_s,
        )

    def send(self, message: wire.Command) -> bool:
        """Send a command; False without a process."""
        return self._link is not None and self._link.send(message)

    async def _supervise(self) -> None:
        while True:
            reason = await self._run_once()
            if self.state == "failed":
                return
            if self.state != "stopped":
                delay = BACKOFF_S[min(self._failed_starts, len(BACKOFF_S) - 1)]
                log.warning("worker %d (%s): %s; starting it again in %.1f s", *self.label, reason, delay)
                self._failed_starts += 1
                await asyncio.sleep(delay)

    async def _run_once(self) -> str:
        """Run one model process to its end; returns why it ended."""
        process, link = self._start_process()
        hung = False
        try:
            reason, hung = await self._wait_for_end(link)
            self._process_lost(reason)
            return reason
        finally:
            self._link = None
            if not hung and not link.congested:
                link.send(wire.Stop())
            link.close()
            await asyncio.shield(asyncio.to_thread(_stop_process, process, 0.0 if hung else STOP_S))

    def _start_process(self) -> tuple[BaseProcess, Link]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        name = f"lipar-model-{self.index}"
        process = context.Process(target=self.entry, args=(theirs, self.options), name=name, daemon=True)
        process.start()
        theirs.close()
        self.starts += 1
        self.load_started = time.monotonic()
        self._link = Link(ours, Deadline(self.settings.load_timeout_s, self.settings.hang_timeout_s))
        return process, self._link

    async def _wait_for_end(self, link: Link) -> tuple[str, bool]:
        """Handle events until the process has ended, exits or hangs; returns the reason, and whether it hangs."""
        try:
            while True:
                match event := await link.receive():
                    case wire.LoadFailed():
                        log.error("worker %d (%s): %s", *self.label, event.reason)
                        self.state, self.reason = "failed", event.reason
                        return event.reason, False
                    case wire.Exiting():
                        return event.reason, False
                self._handle(event)
        except TimeoutError:
            return f"the model process has given no heartbeat for {link.deadline.timeout_s:.0f} s", True
        except (EOFError, OSError):
            return "the model process ended unexpectedly", False

    def _process_lost(self, reason: str) -> None:
        """Report the loss before the process is stopped, which may take seconds."""
        self._link = None
        self.ready_after_s = None
        self.process_counters.model_losses += 1
        if self.state in ("loading", "ready"):
            self.state, self.reason = "loading", reason
        self.sessions.worker_lost(reason, for_good=self.state == "failed")

    def _handle(self, event: wire.Event) -> None:
        match event:
            case wire.Loading():
                self.reason = f"the model is loading: {event.activity}"
            case wire.Ready():
                self._process_ready(event)
            case wire.BlockDone():
                self._failed_starts = 0
        self.sessions.handle(event)

    def _process_ready(self, event: wire.Ready) -> None:
        self.ready_after_s = time.monotonic() - self.load_started
        log.info(
            "worker %d (%s): the model is ready after %.1f s, of which loading took %.1f s and the warm-up %.1f s",
            *self.label,
            self.ready_after_s,
            event.load_ms / 1000,
            event.warmup_ms / 1000,
        )
        self.state, self.reason, self.dtype = "ready", "", event.dtype
        self.buckets = event.buckets
        self.process_counters.model_starts += 1
        self.sessions.worker_up()


def _stop_process(process: BaseProcess, timeout_s: float) -> None:
    process.join(timeout_s)
    if process.is_alive():
        process.kill()
        process.join()
