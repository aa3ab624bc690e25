"""Fakes of a peer connection and of the link to a model process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

import pytest

from lipar_core.acknowledgement import Acknowledgement
from lipar_core.parameter_changes import merge
from lipar_core.parameters import Parameters
from lipar_core.parsing import parse
from server import wire
from server.errors import NoCodec, SessionNotFound
from server.media.telemetry_channel import TelemetryChannel
from server.model_options import ModelOptions
from server.settings import Settings
from server.workers.attached_sessions import AttachedSession, AttachedSessions
from server.workers.entry import Entry
from server.workers.status import ModelCounters, WorkerStatus

GOOD = "v=0 good"
BAD = "v=0 no codec"


def install_fakes(patch: pytest.MonkeyPatch) -> None:
    """Replace peers and workers by the fakes, and accept every offer that the fake peer can answer."""
    patch.setattr("server.control.session_handle.Peer", FakePeer)
    patch.setattr("server.workers.pool.Worker", FakeWorker)
    for module in ("session_handle", "registry"):
        patch.setattr(f"server.control.{module}.check_offer", lambda *_, **__: None)


class FakePeer:
    """Answers after `delay_turns`; records whether it is open."""

    all: ClassVar[list[FakePeer]] = []
    delay_turns = 0  # of the event loop, until an offer is answered

    def __init__(self, settings, on_closed: Callable[[str], None], *_: object, **__: object) -> None:
        self.on_closed, self.open, self.answered = on_closed, True, False
        self.id, self.etag = f"peer{len(FakePeer.all)}", '"e"'
        self.last_activity = float("inf")
        self.started = True
        self.telemetry = TelemetryChannel(lambda: None)  # the page never opens it
        FakePeer.all.append(self)

    async def answer(self, sdp: str) -> str:
        for _ in range(FakePeer.delay_turns):
            await asyncio.sleep(0)
        if sdp == BAD:
            raise NoCodec("nothing in common")
        if not self.open:
            raise SessionNotFound("the connection was ended while it was set up")
        self.answered = True
        return "answer"

    async def close(self) -> None:
        self.open = False
        await asyncio.sleep(0)

    def problem(self, now: float) -> None:
        return None

    async def round_trip_s(self) -> None:
        return None


class FakeWorker:
    """Stands in for `Worker`, with a model process that keeps what holds in each of its sessions."""

    dtype = "float32"
    buckets: ClassVar[dict[str, tuple[int, ...]]] = {}

    def __init__(
        self, index: int, options: ModelOptions, settings: Settings, entry: Entry, process_counters: ModelCounters
    ) -> None:
        self.index, self.device = index, options.device
        self.sessions = AttachedSessions()
        self.state, self.reason = "ready", ""
        self.load_started = time.monotonic()
        self.room = 100  # sessions that fit in its memory
        self.hangs = False
        self.opened: dict[str, Parameters] = {}  # in its process, by key

    def start(self) -> None: ...

    async def stop(self) -> None:
        self.state, self.reason = "stopped", "the server is stopping"

    def fail(self, reason: str) -> None:
        raise AssertionError(reason)

    @property
    def unavailable_reason(self) -> str:
        return self.reason

    def status(self, leaving: AttachedSession | None = None) -> WorkerStatus:
        about = {"index": self.index, "device": self.device}
        return WorkerStatus(state=self.state, reason=self.reason, sessions=self.sessions.count(leaving), **about)

    def send(self, message: wire.Command) -> bool:
        if self.state != "ready":
            return False
        match message:
            case _ if self.hangs and not isinstance(message, wire.Close):
                pass
            case wire.Open() if len(self.opened) >= self.room:
                self._tell(wire.SessionFailed(session=message.session, reason="out of memory"))
            case wire.Open():
                self.opened[message.session] = parse(message.parameters, Parameters)
                self._tell(wire.Opened(session=message.session))
            case wire.Close():
                self.opened.pop(message.session, None)
            case wire.Change() if message.session in self.opened:
                parameters = self.opened[message.session] = merge(self.opened[message.session], message.changes)
                acknowledgement = Acknowledgement(block=1, parameters=parameters, pending=False)
                about = {"session": message.session, "request": message.request}
                self._tell(wire.ChangeAcknowledged(acknowledgement=acknowledgement, **about))
        return True

    def end(self, reason: str) -> None:
        """The process ends and loses its state."""
        self.state, self.reason, self.opened = "loading", reason, {}
        self.sessions.worker_lost(reason, for_good=False)

    def fail_to_load(self, reason: str) -> None:
        self.state, self.reason, self.opened = "failed", reason, {}
        self.sessions.worker_lost(reason, for_good=True)

    def restart(self) -> None:
        self.state, self.reason, self.hangs = "ready", "", False
        self.sessions.worker_up()

    def _tell(self, message: wire.Event) -> None:
        opened = self.opened  # of this process: what another was about to say is lost with it
        asyncio.get_running_loop().call_soon(lambda: self.opened is opened and self.sessions.handle(message))
