"""Monotonic frame counters of a session."""

from dataclasses import dataclass


@dataclass(slots=True)
class FrameCounters:
    """Each counter is monotonic and has one writer, named beside it. Readers derive rates and ratios.

    Counts of a closed connection are kept.
    """

    received: int = 0  # FramePipeline: received and decoded
    undecodable: int = 0  # FramePipeline: received, not decodable
    admitted: int = 0  # Ingest: queued for the model
    not_admitted: int = 0  # Ingest: dropped by the rate limit, or because the queue was full
    edited: int = 0  # FramePipeline: returned by the model
    not_returned: int = 0  # FramePipeline: edited, dropped because the outgoing ring was full
    too_late: int = 0  # Pacer: dropped as stale, or because the queue was full
    sent: int = 0  # Broadcast: sent to all connections when due
    not_taken: int = 0  # Broadcast: dropped because a sink's queue was full, per sink

    @property
    def dropped(self) -> int:
        """Frames dropped at any stage; `not_taken` is counted per sink."""
        return self.not_admitted + self.not_returned + self.too_late + self.not_taken
