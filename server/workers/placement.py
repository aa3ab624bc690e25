"""Which worker a new session gets. Knows no processes: a rule on what is known of each."""

from collections.abc import Sequence

from server.errors import Unavailable
from server.workers.status import WorkerState, WorkerStatus

SOONEST: tuple[WorkerState, ...] = ("ready", "loading", "failed", "stopped")  # to take a session again


def place(workers: Sequence[WorkerStatus]) -> int:
    """The index of the worker with the fewest sessions among those that take one; of several the lowest.

    Raises `Unavailable` where none does.
    """
    able = [worker for worker in workers if not worker.reason]
    if not able:
        raise Unavailable(refusal(workers))
    return min(able, key=lambda worker: (worker.sessions, worker.index)).index


def refusal(workers: Sequence[WorkerStatus]) -> str:
    """Why none takes a session: the reason of the one that may do so soonest; of several workers, with its device."""
    soonest = min(workers, key=lambda worker: (SOONEST.index(worker.state), worker.index))
    return soonest.reason if len(workers) == 1 else f"{soonest.device}: {soonest.reason}"
