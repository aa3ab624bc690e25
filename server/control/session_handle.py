"""One live stream in the web process."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.config import Preset
from lipar_core.parameters import Parameters
from lipar_core.session_timeline import SessionTimeline
from lipar_core.sizes import size_name
from server import wire
from server.control.control_channel import ControlChannel
from server.control.model_proxy import ModelProxy
from server.control.phase import SessionPhase
from server.control.session_report import SessionReport
from server.control.source import Source
from server.control.tokens import new_token, view_token_of
from server.control.viewers import Viewers
from server.errors import NothingLive, Unavailable
from server.media.counters import ProcessCounters
from server.media.frame_pipeline import FramePipeline
from server.media.offer_check import check_offer
from server.media.peer import Peer
from server.settings import Settings
from server.supervisor import Supervisor
from server.workers.worker import Worker

log = logging.getLogger(__name__)

Kind = Literal["edit", "publish"]  # edit: its peer also receives the edited video; publish: it only sends


class SessionHandle:
    """One stream: its source, viewers, frames, parameters and statistics.

    `report` is the state shown to clients. Phase and peer change atomically, together with the check of the transition;
    connections are set up before and closed afterwards.
    """

    def __init__(
        self,
        settings: Settings,
        preset: Preset,
        worker: Worker,
        parameters: Parameters,
        kind: Kind = "edit",
        name: str | None = None,
        token: str | None = None,
        process_counters: ProcessCounters | None = None,
    ) -> None:
        """`preset`: at the session's size. `name`: the id. `token`: the editor's. Both are random if None.

        Raises `OSError` without shared memory.
        """
        self.id = name or secrets.token_urlsafe(12)
        self.kind = kind
        self.token = token or new_token()
        self.view_token = view_token_of(self.token)
        self.created_at = time.monotonic()
        self.settings = settings
        self.preset = preset
        self.worker = worker
        self.process_counters = process_counters or ProcessCounters()
        self.frames = FramePipeline(
            preset.stream, self._frames_put, self._frames_taken, lambda: self.parameters, self.fail
        )
        self.model = ModelProxy(self.id, worker, self.frames, parameters, self)
        self.phase = SessionPhase()
        self.tasks = Supervisor(self.fail)
        self.source = Source(self.phase, self.tasks, self.frames.counters)
        self.viewers = Viewers(self.id, settings, self.tasks, self.frames.counters, self.process_counters)
        self.report = SessionReport(self.id, preset, worker, self.phase, self.model, self.frames, self.viewers)
        self._checks = self.tasks.start(self._check_every_second(), "check a session")

    @property
    def peer(self) -> Peer | None:
        """The connection that sends the video."""
        return self.source.peer

    @property
    def parameters(self) -> Parameters:
        """The parameters as acknowledged by the model process."""
        return self.model.live_parameters.parameters

    @property
    def replaceable_since(self) -> float | None:
        """Since when it has been parked or failed, so that a new session may displace it; else None."""
        return self.phase.since if self.phase.name in ("parked", "failed") else None

    @property
    def is_active(self) -> bool:
        """Whether it uses model time now."""
        return self.phase.name == "connected" and not self.parameters.paused and self.frames.source_active

    async def connect(self, sdp: str, changes: Mapping[str, object] | None = None) -> str:
        """Accept an offer that sends the video; it replaces an existing connection. Returns the answer.

        A rejected offer has no effect: the new connection is set up first, then takes
        the old one's place. Raises `ParameterError`, `SessionNotFound`, or what `check_offer` and `Peer.answer` do.
        """
        check_offer(sdp, sends=True, receives=self.kind == "edit")
        if changes:
            self.model.check(changes)
        return await self.source.connect(sdp, self._new_peer, lambda: self._before_install(changes))

    def _new_peer(self) -> Peer:
        peer = Peer(
            self.settings,
            lambda reason: self._peer_ended(peer, reason),
            self.frames.source_media(lambda *frame: self._take_frame(peer, *frame), sends=self.kind == "edit"),
            on_control=lambda channel: ControlChannel(channel, self.update),
        )
        return peer

    def _before_install(self, changes: Mapping[str, object] | None) -> None:
        if changes:
            self.model.check(changes)
            change = self.model.live_parameters.request(changes)
            self.tasks.start(self._log_rejection(change), "await a publisher's change")
        self.report.network_problem = None
        self.frames.source_reconnected()

    async def watch(self, sdp: str) -> tuple[Peer, str]:
        """A viewer's offer: the peer and the answer.

        Raises `NothingLive`, `NoCapacity`, or what `check_offer` and `Peer.answer` do.
        """
        if not self.frames.has_output or self.phase.name != "connected":
            raise NothingLive("nothing is live in this session yet")
        self.viewers.require_capacity()
        check_offer(sdp, sends=False, receives=True)
        return await self.viewers.add(sdp, self._new_viewer)

    def _new_viewer(self, ended: Callable[[str], None]) -> Peer:
        return Peer(self.settings, ended, self.frames.viewer_media())

    async def park(self, reason: str = "the page has disconnected") -> None:
        """The source has disconnected: close the connection and wait for it to reconnect."""
        if (closing := self._park_source(reason)) is not None:
            await asyncio.shield(closing)

    def _park_source(self, reason: str) -> asyncio.Task[None] | None:
        self.frames.broadcast.source_disconnected()
        return self.source.park(reason)

    async def close(self) -> None:
        """Close everything; idempotent."""
        if not self.phase.allows("closed"):
            return
        self.phase.enter("closed", "the session has ended")
        self._checks.cancel()
        self.model.close("the session has ended")
        await self.source.close()
        await self.viewers.close()
        await self.tasks.finish()
        self.frames.close()
        log.info(
            "session %s has ended after %.0f s: %s", self.id, time.monotonic() - self.created_at, self.report.summary()
        )

    def fail(self, reason: str) -> None:
        """The session cannot continue; it is kept so that clients can read the reason."""
        if self.phase.allows("failed"):
            log.error("session %s failed: %s", self.id, reason)
            self.phase.enter("failed", reason)
            self.process_counters.sessions_failed += 1
            self.model.close(f"the session has failed: {reason}")
            self.send_status()

    async def open_and_wait(self) -> None:
        """Open it for the first time. Raises `Unavailable` if the model process has too little memory."""
        if self.phase.allows("connected"):
            self.model.open()
            await self.model.wait_until_opened()
        if self.phase.name == "failed":
            raise Unavailable(f"the model cannot take another session: {self.phase.reason}")
        self.phase.require("connected")

    async def update(self, changes: Mapping[str, object]) -> Acknowledgement:
        """Change live parameters; returns the block from which they apply.

        Raises `ParameterError`, or `Unavailable` while there is no model: nothing is changed then.
        """
        if self.phase.name == "failed":
            raise Unavailable(f"the session has failed: {self.phase.reason}")
        self.model.check(changes)
        return await self.model.live_parameters.request(changes)

    def send_status(self) -> None:
        """Send the session's state to the page."""
        if self.peer is not None:
            self.peer.telemetry.send(self.status())

    def timeline(self) -> SessionTimeline:
        """What it began with and every change with its block, for `lipar replay`."""
        size = size_name(self.frames.stream)
        buckets = self.worker.buckets.get(size, ())
        return self.model.change_log.timeline(self.preset.name, size, self.worker.dtype, buckets)

    def status(self) -> dict[str, object]:
        """The body of GET and of telemetry messages."""
        return self.report.as_dict(time.monotonic())

    async def _check_every_second(self) -> None:
        """Once a second: send telemetry, measure network delays, close silent connections."""
        while True:
            await asyncio.sleep(1.0)
            await self.check(time.monotonic())

    async def check(self, now: float) -> None:
        if (peer := self.peer) is not None:
            self.frames.ingest.pad_block(now)
            self.report.set_network_problem(peer.problem(now))
            self.send_status()
            limit = self.settings.silence_timeout_s if peer.started else self.settings.setup_timeout_s
            if now - peer.last_activity > limit:
                self._peer_ended(peer, self.report.network_problem or f"nothing from the browser for {limit:g} s")
            self.frames.record_round_trip(await peer.round_trip_s(), peer.telemetry.playout_s)
        if self.frames.has_output and self.phase.name == "connected":
            self.viewers.reap_silent(now)

    async def _log_rejection(self, change: asyncio.Future[Acknowledgement]) -> None:
        try:
            await change
        except Unavailable as error:
            log.warning("session %s: a publisher's change was lost: %s", self.id, error)

    def _take_frame(self, peer: Peer, *frame: Any) -> None:
        if self.peer is peer:  # else it has been replaced
            self.frames.receive_frame(*frame)

    def _frames_put(self, total: int) -> None:
        self.worker.send(wire.FramesPut(session=self.model.key, total=total))

    def _frames_taken(self, total: int) -> None:
        self.worker.send(wire.FramesTaken(session=self.model.key, total=total))

    def _peer_ended(self, peer: Peer, reason: str) -> None:
        """The source's connection has ended by itself."""
        if self.peer is peer:  # else it has been replaced
            log.info("session %s waits for its source: %s", self.id, reason)
            self._park_source(reason)
