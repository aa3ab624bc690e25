"""What is known of a worker, for the placement of sessions and for operators."""

from dataclasses import dataclass
from typing import Literal, Protocol

WorkerState = Literal["loading", "ready", "failed", "stopped"]


class ModelCounters(Protocol):
    """Monotonic counters of all workers together."""

    model_starts: int  # model processes that became ready
    model_losses: int  # model processes that ended or were killed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """One worker as it is now."""

    index: int
    device: str
    state: WorkerState
    reason: str  # why it takes no session now; empty if it does
    sessions: int  # attached to it, the parked ones too
