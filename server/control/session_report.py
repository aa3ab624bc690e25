"""A session's state, reason and statistics, as reported to clients."""

import logging
from collections.abc import Sized
from typing import Literal

import msgspec

from lipar_core.config import Preset
from lipar_core.parameter_changes import to_dict
from lipar_core.sizes import size_name
from server.control.model_proxy import ModelProxy
from server.control.phase import SessionPhase
from server.media.counters import join_counts
from server.media.frame_pipeline import FramePipeline
from server.workers.worker import Worker

log = logging.getLogger(__name__)

SessionState = Literal["connecting", "live", "paused", "parked", "stalled", "model_restarting", "failed"]


class SessionReport:
    """Derived from the session's parts; holds only the latest problem of the connection that sends the video."""

    def __init__(
        self,
        session: str,
        preset: Preset,
        worker: Worker,
        phase: SessionPhase,
        model: ModelProxy,
        frames: FramePipeline,
        viewers: Sized,
    ) -> None:
        self.session = session
        self.preset = preset
        self.worker = worker
        self.phase = phase
        self.model = model
        self.frames = frames
        self.viewers = viewers
        self.network_problem: str | None = None  # why no video is received

    def set_network_problem(self, reason: str | None) -> None:
        if reason is not None and reason != self.network_problem:
            log.warning("session %s receives no video: %s", self.session, reason)
        self.network_problem = reason

    def state(self, now: float) -> SessionState:
        """`now`: seconds on the monotonic clock."""
        match self.phase.name:
            case "failed" | "closed":
                return "failed"
            case "parked":
                return "parked"
        if self.worker.state != "ready":
            return "model_restarting"
        if self.model.live_parameters.parameters.paused:
            return "paused"
        if self.frames.stalled_s(now) is not None:
            return "stalled"
        return "live" if self.frames.has_output else "connecting"

    def reason(self, now: float) -> str | None:
        """Why there is no edited video; None if there is."""
        match self.state(now):
            case "failed" | "parked":
                return self.phase.reason
            case "model_restarting":
                return self.worker.reason
            case "stalled":
                return f"the model has returned no frame for {self.frames.stalled_s(now):.0f} s"
            case "connecting":
                return self.network_problem or self.model.pending_reason
        return self.network_problem

    def as_dict(self, now: float) -> dict[str, object]:
        """The body of GET and of telemetry messages."""
        return {
            "id": self.session,
            "state": self.state(now),
            "reason": self.reason(now),
            "parameters": to_dict(self.model.live_parameters.parameters),
            "prompt_tokens": msgspec.to_builtins(self.model.prompt_tokens),
            "viewers": len(self.viewers),
            "model": self._model(),
            "stats": self.frames.stats() | self._block_stats(),
        }

    def _model(self) -> dict[str, object]:
        worker = self.worker
        where = {"worker": worker.index, "device": worker.device}
        size, sharing = size_name(self.frames.stream), worker.sessions.sharing(self.model)
        return {"preset": self.preset.name, "size": size, "dtype": worker.dtype, "sharing": sharing, **where}

    def summary(self) -> str:
        """What the session counted and measured, for the log."""
        return join_counts(self.frames.counters.summary())

    def _block_stats(self) -> dict[str, object]:
        """Of the newest edited block; all None before the first."""
        block = self.model.last_block
        if block is None:
            missing = dict.fromkeys(("keep_ratio", "speed_up", "noise_levels", "block", "queue_ms"))
            return missing | {"stage_ms": {}}
        speed_up = self.model.speed_up.ratio
        return {
            "keep_ratio": round(block.keep_ratio, 3),
            "speed_up": None if speed_up is None else round(speed_up, 2),
            "noise_levels": None if block.noise_levels is None else round(block.noise_levels, 2),
            "block": block.block,
            "queue_ms": round(block.queue_ms, 1),
            "stage_ms": {stage: round(ms, 2) for stage, ms in block.stage_ms.items()},
        }
