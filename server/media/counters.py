"""Monotonic counters and histograms: one struct per session, one per process.

Each counter has one writer, named beside it, which runs on the event loop. Readers (status, telemetry, logs, metrics)
derive rates and ratios. A new counter appears in all of them by its declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from server.media.histogram import RATIOS, Histogram
from server.media.latency import Latency


def counter(meaning: str) -> int:
    """A field that counts from 0."""
    return field(default=0, metadata={"meaning": meaning})


class _Counters:
    def counts(self) -> dict[str, int]:
        """All counters by name, without the histograms."""
        values = {declared.name: getattr(self, declared.name) for declared in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if isinstance(value, int)}

    @classmethod
    def meanings(cls) -> dict[str, str]:
        """What each counter and histogram stands for."""
        declared = {value.name: value.metadata for value in fields(cls)}  # type: ignore[arg-type]
        return {name: metadata["meaning"] for name, metadata in declared.items() if "meaning" in metadata}


def join_counts(values: Mapping[str, float]) -> str:
    """As `name=value name=value`, for a line of the log."""
    return " ".join(f"{name}={value}" for name, value in values.items())


@dataclass(slots=True)
class SessionCounters(_Counters):
    """Since the session was created; counts of a closed connection are kept."""

    received: int = counter("frames received and decoded")  # FramePipeline
    undecodable: int = counter("frames received, not decodable")  # VideoReceiver
    malformed: int = counter("frames received whose packets cannot be put together")  # LossRepair
    nacks_sent: int = counter("packets requested again")  # LossRepair
    nack_timeouts: int = counter("times that a keyframe was requested because packets did not arrive")  # LossRepair
    admitted: int = counter("frames queued for the model")  # Ingest
    not_admitted: int = counter("frames dropped by the rate limit, or because the queue was full")  # Ingest
    edited: int = counter("frames returned by the model")  # FramePipeline
    not_returned: int = counter("frames edited, dropped because the outgoing ring was full")  # FramePipeline
    too_late: int = counter("frames dropped as stale, or because the queue was full")  # Pacer
    sent: int = counter("frames sent to all sinks when due")  # Broadcast
    not_taken: int = counter("frames dropped because a sink's queue was full, per sink")  # Broadcast
    blocks: int = counter("blocks edited by the model")  # FramePipeline
    keyframes: int = counter("keyframes of the shared stream")  # Broadcast
    audio_received: int = counter("audio packets received")  # AudioBroadcast
    audio_forwarded: int = counter("audio packets sent to all sinks when due")  # AudioBroadcast
    audio_too_late: int = counter("audio packets dropped: late, invalid, or too many")  # DelayLine
    audio_not_taken: int = counter("audio packets dropped because a sink's queue was full, per sink")  # AudioBroadcast
    changes_applied: int = counter("changes of parameters acknowledged")  # LiveParameters
    changes_rejected: int = counter("changes of parameters rejected, or lost with the model process")  # LiveParameters
    reconnects: int = counter("connections of a source that replaced or followed an earlier one")  # Source
    viewers_joined: int = counter("viewers that joined a session")  # Viewers
    # FramePipeline
    block_s: Histogram = field(default_factory=Histogram, metadata={"meaning": "the model's time for a block"})
    # ModelProxy
    queue_s: Histogram = field(default_factory=Histogram, metadata={"meaning": "a block's wait for its turn"})
    keep_ratio: Histogram = field(
        default_factory=lambda: Histogram(RATIOS), metadata={"meaning": "ratio of the tokens computed in a block"}
    )
    latency: Latency = field(default_factory=Latency)  # by stage; written where a stage ends

    @property
    def dropped(self) -> int:
        """Frames dropped at any stage; `not_taken` is counted per sink."""
        return self.not_admitted + self.not_returned + self.too_late + self.not_taken

    def add(self, other: "SessionCounters") -> None:
        """Add what another session has counted."""
        for name, count in other.counts().items():
            setattr(self, name, getattr(self, name) + count)
        for name in ("block_s", "queue_s", "keep_ratio"):
            getattr(self, name).add(getattr(other, name))
        for stage, measured in other.latency.histograms.items():
            self.latency.histograms[stage].add(measured)

    def summary(self) -> dict[str, float]:
        """What was counted, and mean and 95th percentile of what was measured, in ms."""
        measured = {
            "block": self.block_s,
            "queue": self.queue_s,
            **{f"latency_{stage}": histogram for stage, histogram in self.latency.histograms.items()},
        }
        summary: dict[str, float] = {name: count for name, count in self.counts().items() if count}
        for name, histogram in measured.items():
            if histogram.count:
                summary[f"{name}_ms"] = round(histogram.mean() * 1000, 1)
                summary[f"{name}_p95_ms"] = round(histogram.quantile(0.95) * 1000, 1)
        return summary


@dataclass(slots=True)
class ProcessCounters(_Counters):
    """Since the web process was started."""

    sessions_created: int = counter("sessions that took a slot, also if they never connected")  # SessionRegistry
    sessions_ended: int = counter("sessions that gave their slot back, for whatever reason")  # SessionRegistry
    sessions_failed: int = counter("sessions that could not continue")  # SessionHandle
    sessions_displaced: int = counter("sessions ended because a new one needed their slot")  # SessionRegistry
    sessions_rejected: int = counter("sessions rejected: no slot, worker or shared memory")  # SessionRegistry
    viewers_joined: int = counter("viewers that joined a session")  # Viewers
    viewers_rejected: int = counter("viewers rejected because all slots for viewers were taken")  # Viewers
    model_starts: int = counter("model processes that became ready")  # Worker
    model_losses: int = counter("model processes that ended or were killed")  # Worker
