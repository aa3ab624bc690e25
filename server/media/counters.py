"""Monotonic counters and histograms: one struct per session, one per process.

Each counter has one writer, named beside it, which runs on the event loop. Readers (status, telemetry, logs) derive
rates and ratios. A new counter appears in all of them by its declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from server.media.histogram import Histogram
from server.media.latency import Latency


class _Counters:
    def counts(self) -> dict[str, int]:
        """All counters by name, without the histograms."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, int)}


def join_counts(values: Mapping[str, float]) -> str:
    """As `name=value name=value`, for a line of the log."""
    return " ".join(f"{name}={value}" for name, value in values.items())


@dataclass(slots=True)
class SessionCounters(_Counters):
    """Since the session was created; counts of a closed connection are kept."""

    received: int = 0  # FramePipeline: frames received and decoded
    undecodable: int = 0  # VideoReceiver: frames received, not decodable
    malformed: int = 0  # LossRepair: frames received whose packets cannot be put together
    nacks_sent: int = 0  # LossRepair: packets requested again
    nack_timeouts: int = 0  # LossRepair: times that a keyframe was requested because packets did not arrive
    admitted: int = 0  # Ingest: frames queued for the model
    not_admitted: int = 0  # Ingest: frames dropped by the rate limit, or because the queue was full
    edited: int = 0  # FramePipeline: frames returned by the model
    not_returned: int = 0  # FramePipeline: frames edited, dropped because the outgoing ring was full
    too_late: int = 0  # Pacer: frames dropped as stale, or because the queue was full
    sent: int = 0  # Broadcast: frames sent to all sinks when due
    not_taken: int = 0  # Broadcast: frames dropped because a sink's queue was full, per sink
    blocks: int = 0  # FramePipeline: blocks edited by the model
    keyframes: int = 0  # Broadcast: keyframes of the shared stream
    audio_received: int = 0  # AudioBroadcast: packets
    audio_forwarded: int = 0  # AudioBroadcast: packets sent to all sinks when due
    audio_too_late: int = 0  # DelayLine: packets dropped: late, invalid, or more than it holds
    audio_not_taken: int = 0  # AudioBroadcast: packets dropped because a sink's queue was full, per sink
    changes_applied: int = 0  # LiveParameters: acknowledged changes
    changes_rejected: int = 0  # LiveParameters: refused by the model process, or lost with it
    reconnects: int = 0  # Source: connections that replaced or followed an earlier one
    viewers_joined: int = 0  # Viewers
    block_s: Histogram = field(default_factory=Histogram)  # FramePipeline: the model's time for a block
    queue_s: Histogram = field(default_factory=Histogram)  # ModelProxy: a block's wait for its turn
    latency: Latency = field(default_factory=Latency)  # by stage; written where a stage ends

    @property
    def dropped(self) -> int:
        """Frames dropped at any stage; `not_taken` is counted per sink."""
        return self.not_admitted + self.not_returned + self.too_late + self.not_taken

    def summary(self) -> dict[str, float]:
        """What was counted, and mean and 95th percentile of what was measured, in ms."""
        measured = {
            "block": self.block_s,
            "queue": self.queue_s,
            **{f"latency_{one}": kept for one, kept in self.latency.histograms.items()},
        }
        found: dict[str, float] = {name: count for name, count in self.counts().items() if count}
        for name, histogram in measured.items():
            if histogram.count:
                found[f"{name}_ms"] = round(histogram.mean() * 1000, 1)
                found[f"{name}_p95_ms"] = round(histogram.quantile(0.95) * 1000, 1)
        return found


@dataclass(slots=True)
class ProcessCounters(_Counters):
    """Since the web process was started."""

    sessions_created: int = 0  # SessionRegistry: took a slot, also if their first connection failed
    sessions_ended: int = 0  # SessionRegistry: gave their slot back, for whatever reason
    sessions_failed: int = 0  # SessionHandle
    sessions_displaced: int = 0  # SessionRegistry: a new session needed their slot
    sessions_refused: int = 0  # SessionRegistry: no slot, no worker that takes one, or no shared memory
    viewers_joined: int = 0  # Viewers
    viewers_refused: int = 0  # Viewers: all slots for viewers were taken
    model_starts: int = 0  # Worker: model processes that became ready
    model_losses: int = 0  # Worker: model processes that ended or were killed
