"""The session in the model process, as seen from the web process."""

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from typing import Protocol

from lipar_core.acknowledgement import PromptTokens
from lipar_core.parameter_changes import to_dict
from lipar_core.parameters import Parameters
from lipar_core.sizes import size_name
from server import wire
from server.control.change_log import ChangeLog
from server.control.live_parameters import LiveParameters
from server.control.speed_up import SpeedUp
from server.errors import Unavailable
from server.media.frame_pipeline import FramePipeline
from server.media.region_masks import GreyMask
from server.workers.worker import Worker

OPENING_S = 3.0  # maximum wait when a session is created; afterwards its state has the outcome

_openings = itertools.count(1)


class ModelOwner(Protocol):
    """The session in the web process."""

    @property
    def is_active(self) -> bool:
        """Whether it uses model time now."""

    def fail(self, reason: str) -> None:
        """It cannot continue."""

    def send_status(self) -> None:
        """Send the session's state to its page."""


class ModelProxy:
    """Opens the session in the current model process and handles the events about it."""

    def __init__(
        self,
        session: str,
        worker: Worker,
        frames: FramePipeline,
        parameters: Parameters,
        owner: ModelOwner,
    ) -> None:
        self.session = session
        self.worker = worker
        self.frames = frames
        self.owner = owner
        self.key = ""  # its name there; new for each opening, so that late messages are ignored
        self.live_parameters = LiveParameters(parameters, self._send_change, frames.counters)
        self.change_log = ChangeLog(parameters)
        self.last_block: wire.BlockDone | None = None
        self.speed_up = SpeedUp()
        self.prompt_tokens: PromptTokens | None = None  # of the current prompt; None until it is encoded
        self._open_ended = asyncio.Event()  # set when `open` has succeeded or failed
        frames.keep_masks.on_wanted = self._send_keep_masks
        frames.region_masks.on_mask = self._send_region_mask
        worker.sessions.attach(self)

    @property
    def is_active(self) -> bool:
        """Whether it uses model time now."""
        return self.owner.is_active

    def open(self) -> None:
        """Open the session in the current model process."""
        self.key = f"{self.session}.{next(_openings)}"
        self.prompt_tokens = None
        self.speed_up = SpeedUp()
        self._open_ended.clear()
        self.frames.reset_rings()
        opened = wire.Open(
            session=self.key,
            incoming=self.frames.incoming.name,
            outgoing=self.frames.outgoing.name,
            size=size_name(self.frames.stream),
            parameters=to_dict(self.live_parameters.parameters),
            keep_masks=self.frames.keep_masks.wanted,
        )
        self.live_parameters.opened = self.worker.send(opened)
        self.change_log.session_opened(self.live_parameters.parameters)

    async def wait_until_opened(self) -> None:
        """Wait until the process has opened or rejected it, or has ended; `OPENING_S` at most."""
        if self.live_parameters.opened:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._open_ended.wait(), OPENING_S)

    @property
    def pending_reason(self) -> str | None:
        """What delays the first edited frame; None if nothing is known."""
        if self.live_parameters.opened and self.prompt_tokens is None:
            return "the prompt is being encoded" if self._open_ended.is_set() else "the model is opening the session"
        return None

    def check(self, changes: Mapping[str, object]) -> None:
        """Validate without any effect: raises like `live_parameters.request`, and `Unavailable` without a model."""
        self.live_parameters.check(changes)
        if reason := self.worker.unavailable_reason:
            raise Unavailable(f"{reason}; nothing was changed")

    def worker_up(self) -> None:
        """Open it in the new process, unless its first connection is still being set up."""
        if self.key:
            self.open()
            self.owner.send_status()

    def worker_lost(self, reason: str, *, for_good: bool) -> None:
        """The process has ended: pending requests are rejected."""
        self._abort_requests(reason)
        if for_good:
            self.owner.fail(reason)
        else:
            self.owner.send_status()  # at once: a new process may be there within the second

    def handle(self, message: wire.Event, sessions: int) -> None:
        """Handle an event of this session, while `sessions` sessions share the model."""
        match message:
            case wire.FramesTaken():
                self.frames.release_input(message.total)
            case wire.FramesPut():
                self.frames.outgoing.set_written(message.total)
            case wire.BlockDone():
                if message.stage_ms:  # else it is paused, and the last frame is only repeated
                    self.last_block = message
                    self.speed_up.add(message)
                    self.change_log.block_done(message.block)
                    self.frames.counters.queue_s.observe(message.queue_ms / 1000)
                    self.frames.counters.keep_ratio.observe(message.keep_ratio)
                edit_ms = message.edit_ms if message.stage_ms else None
                self.frames.block_done(edit_ms, message.clean_ms, message.dropped, sessions, message.masks)
            case wire.Opened():
                self._open_ended.set()
            case wire.ChangeAcknowledged():
                self.live_parameters.change_acknowledged(message)
            case wire.ParametersApplied():
                self.change_log.add(message.block, message.parameters, reset=message.reset)
            case wire.PromptEncoded():
                self.prompt_tokens = message.tokens
            case wire.ChangeRejected():
                self.live_parameters.change_rejected(message)
            case wire.SessionFailed():
                self.owner.fail(message.reason)

    def close(self, reason: str) -> None:
        """Close the session in the model process, and reject pending requests."""
        self.worker.sessions.detach(self)
        self.worker.send(wire.Close(session=self.key))
        self._abort_requests(reason)

    def _abort_requests(self, reason: str) -> None:
        self._open_ended.set()
        self.live_parameters.reject_all(reason)

    def _send_keep_masks(self, wanted: bool) -> None:
        self.worker.send(wire.SendKeepMasks(session=self.key, enabled=wanted))

    def _send_region_mask(self, pts: float, mask: GreyMask) -> None:
        """Unless the session does not use it now, or the model process is behind."""
        if self.live_parameters.parameters.region.source == "frames" and not self.worker.unavailable_reason:
            width, height, levels = mask
            self.worker.send(wire.RegionMask(session=self.key, pts=pts, rows=height, cols=width, levels=levels))

    def _send_change(self, request: int, changes: dict[str, object]) -> bool:
        return self.worker.send(wire.Change(session=self.key, request=request, changes=changes))
