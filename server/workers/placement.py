"""The placement of new sessions on workers, by the workers' statuses alone."""

from collections.abc import Sequence

from server.errors import Unavailable
from server.workers.status import WorkerState, WorkerStatus

# the state that accepts sessions soonest comes first
SOONEST: tuple[WorkerState, ...] = ("ready", "loading", "failed", "stopped")


def place(workers: Sequence[WorkerStatus]) -> int:
    """The index of the available worker with the fewest sessions; of several, the lowest.

    Raises `Unavailable` if no worker is available.
    """
    available = [worker for worker in workers if not worker.reason]
    if not available:
        raise Unavailable(unavailable_reason(workers))
    return min(available, key=lambda worker: (worker.sessions, worker.index)).index


def unavailable_reason(workers: Sequence[WorkerStatus]) -> str:
    """Why no worker is available: the reason of the one that will be soonest; of several workers, with its device."""
    soonest = min(workers, key=lambda worker: (SOONEST.index(worker.state), worker.index))
    return soonest.reason if len(workers) == 1 else f"{soonest.device}: {soonest.reason}"
