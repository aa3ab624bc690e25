"""The workers of a server, each with its own model process."""

import asyncio
import time

from server.devices import device_shares
from server.model_options import ModelOptions
from server.settings import Settings
from server.workers.attached_sessions import AttachedSession
from server.workers.entry import Entry
from server.workers.placement import place
from server.workers.status import ModelCounters, WorkerStatus
from server.workers.worker import Worker


class WorkerPool:
    """Starts and stops the workers, and places new sessions. A worker's failure affects only its own sessions."""

    def __init__(self, settings: Settings, default_device: str, entry: Entry, process_counters: ModelCounters) -> None:
        """`default_device`: the preset's. `entry`: the entry point of the model processes."""
        self.workers = [
            Worker(index, options, settings, entry, process_counters)
            for index, options in enumerate(model_options(settings, default_device))
        ]

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    async def stop(self) -> None:
        """End all model processes; returns within a few seconds in any case."""
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    def fail(self, reason: str) -> None:
        """A task that all workers need has failed."""
        for worker in self.workers:
            worker.fail(reason)

    def statuses(self, leaving: AttachedSession | None = None) -> list[WorkerStatus]:
        """The statuses of all workers; `leaving` is not counted among their sessions."""
        return [worker.status(leaving) for worker in self.workers]

    def loading_s(self) -> float | None:
        """How long the first model process to become ready has been loading; None if none is loading."""
        started = [worker.load_started for worker in self.workers if worker.state == "loading"]
        return time.monotonic() - min(started) if started else None

    def place(self, leaving: AttachedSession | None = None) -> Worker:
        """The worker for a new session, which displaces `leaving`. Raises `Unavailable`."""
        return self.workers[place(self.statuses(leaving))]


def model_options(settings: Settings, default_device: str) -> list[ModelOptions]:
    """The options of each worker's model process."""
    return [
        ModelOptions(
            preset=settings.preset,
            size=settings.size,
            dtype=settings.dtype,
            text_dtype=settings.text_dtype,
            device=share.device,
            threads=share.threads,
        )
        for share in device_shares(settings, default_device)
    ]
