"""A worker's status, for the placement of sessions and for operators."""

from dataclasses import dataclass
from typing import Literal, Protocol

WorkerState = Literal["loading", "ready", "failed", "stopped"]


class ModelCounters(Protocol):
    """Monotonic counters of all workers together."""

    model_starts: int  # model processes that became ready
    model_losses: int  # model processes that ended or were killed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The current status of a worker."""

    index: int
    device: str
    state: WorkerState
    reason: str  # why it accepts no session; empty if it does
    sessions: int  # attached sessions, parked ones included
    ready_after_s: float | None = None  # from the start of its model process to ready; None until then
