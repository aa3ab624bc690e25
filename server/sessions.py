"""Who is live: a handle per stream, and the registry of them."""

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Literal

from lipar_core.config import Preset, default_parameters
from lipar_core.errors import ParameterError
from lipar_core.parameters import Parameters, merge, to_dict
from server import wire
from server.errors import NoCapacity, SessionNotFound, Unavailable
from server.media.path import FramePath
from server.media.peer import Peer
from server.model_link import ModelLink
from server.settings import Settings

log = logging.getLogger(__name__)

State = Literal["connecting", "live", "paused", "parked", "model_restarting", "failed"]
ACK_S = 30.0  # a change is answered between two blocks; a new prompt may take a slow text encoder

CONGESTED = "the model has much to answer already; try again later"


@dataclass(frozen=True, slots=True)
class Ack:
    """A change as the model process took it."""

    block: int
    parameters: dict[str, object]
    pending: bool


class SessionHandle:
    """One stream in the web process: its peer, its rings, its parameters and what it measures."""

    def __init__(self, settings: Settings, preset: Preset, link: ModelLink, parameters: Parameters) -> None:
        self.id, self.token = secrets.token_urlsafe(12), secrets.token_urlsafe(16)
        self.began = time.monotonic()
        self.parked_at: float | None = None  # when its browser went; it may come back
        self.settings, self.link, self.parameters = settings, link, parameters
        self.frames = FramePath(preset.stream.width, preset.stream.height, preset.stream.frames_per_block)
        self.failure: str | None = None
        self.last_block: wire.BlockDone | None = None
        self._requests = itertools.count()
        self._waiting: dict[int, asyncio.Future[Ack]] = {}
        self.peer: Peer | None = None

    @property
    def state(self) -> State:
        if self.failure is not None:
            return "failed"
        if self.parked_at is not None:
            return "parked"
        if self.link.state != "ready":
            return "model_restarting"
        if self.parameters.paused:
            return "paused"
        return "live" if self.frames.flows else "connecting"

    @property
    def reason(self) -> str | None:
        return self.failure or (self.link.reason if self.state == "model_restarting" else None)

    async def connect(self, sdp: str, on_gone: Callable[["Peer", str], None]) -> str:
        """Take a browser's offer, in place of a connection that there may be; returns the answer."""
        await self.disconnect()
        self.frames.renew_track()
        peer = Peer(self.settings, self.frames.track, self.frames.take_frame, lambda why: on_gone(peer, why))
        self.peer, self.parked_at = peer, None
        try:
            return await peer.answer(sdp)
        except BaseException:
            await self.park()
            raise

    async def disconnect(self) -> None:
        """Free the connection and keep everything else."""
        peer, self.peer = self.peer, None
        if peer is not None:
            await peer.close()

    async def park(self) -> None:
        """Its browser is gone: free the connection, wait for it to come back."""
        self.parked_at = time.monotonic()
        await self.disconnect()

    def open(self) -> None:
        """Make the session known to the model process: when it begins, and whenever that process is new."""
        names = {"incoming": self.frames.incoming.name, "outgoing": self.frames.outgoing.name}
        self.link.send(wire.Open(session=self.id, parameters=to_dict(self.parameters), **names))

    def hear(self, message: wire.Up, sessions: int) -> None:
        """The model process says something about this session."""
        match message:
            case wire.BlockDone():
                self._block_done(message, sessions)
            case wire.Changed():
                if waiting := self._asked(message.request):
                    waiting.set_result(Ack(message.block, message.parameters, message.pending))
            case wire.Refused():
                if waiting := self._asked(message.request):
                    waiting.set_exception(ParameterError(message.path, message.value, message.allowed))
            case wire.SessionFailed():
                self.fail(message.reason)

    async def update(self, changes: Mapping[str, object]) -> Ack:
        """Change live parameters; returns at which block. Raises `ParameterError`, or `Unavailable` without a model."""
        wanted = {name: value for name, value in changes.items() if name != "reset"}
        merged = merge(self.parameters, wanted)  # refused here, a bad value never reaches the model process
        if not isinstance(changes.get("reset", False), bool):
            raise ParameterError("reset", changes["reset"], "must be true or false")
        if self.failure is not None:
            raise Unavailable(f"the session has failed: {self.failure}")
        if self.link.congested:
            raise Unavailable(CONGESTED)
        request, answer = next(self._requests), asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        try:
            if not self.link.send(wire.Change(session=self.id, request=request, changes=dict(changes))):
                raise Unavailable(self.link.reason)
            self.parameters = merged
            return await asyncio.wait_for(answer, ACK_S)
        except TimeoutError as error:
            raise Unavailable(f"the model has not answered within {ACK_S:.0f} s") from error
        finally:
            self._waiting.pop(request, None)

    def fail(self, reason: str) -> None:
        """The session cannot go on; it stays to say why."""
        log.error("session %s failed: %s", self.id, reason)
        self.failure = reason
        self.drop_waiting(reason)

    def drop_waiting(self, reason: str) -> None:
        """The model process is gone: nothing that was asked of it will be answered."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unavailable(reason))
        self._waiting.clear()

    def status(self) -> dict[str, object]:
        """What GET and the telemetry channel say."""
        block = self.last_block
        return {
            "id": self.id,
            "state": self.state,
            "reason": self.reason,
            "parameters": to_dict(self.parameters),
            "stats": self.frames.figures()
            | {
                "keep_ratio": round(block.keep_ratio, 3) if block else None,
                "block": block.block if block else None,
                "stage_ms": {stage: round(ms, 2) for stage, ms in block.stage_ms.items()} if block else {},
            },
        }

    async def close(self) -> None:
        """Free everything."""
        await self.disconnect()
        self.link.send(wire.Close(session=self.id))
        self.drop_waiting("the session has ended")
        self.frames.close()

    def _asked(self, request: int) -> asyncio.Future[Ack] | None:
        """Who waits for the answer; None when it came too late."""
        waiting = self._waiting.pop(request, None)
        return None if waiting is None or waiting.done() else waiting

    def _block_done(self, done: wire.BlockDone, sessions: int) -> None:
        edited = bool(done.stage_ms)  # while paused the last frame is only repeated
        if edited:
            self.last_block = done
        self.frames.block_done(done.busy_ms if edited else None, done.dropped, sessions)


class Sessions:
    """All live sessions, and the model process that they share."""

    def __init__(self, settings: Settings, preset: Preset) -> None:
        self.settings, self.preset = settings, preset
        self.handles: dict[str, SessionHandle] = {}
        self.link = ModelLink(settings, self._hear, self._model_up, self._model_down)
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.link.start()
        self._watch = asyncio.create_task(self._watch_over(), name="watch")
        self._watch.add_done_callback(self.link.note_end)

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.gather(*(self.close(name) for name in list(self.handles)))
        await asyncio.gather(*self._closing)
        await self.link.stop()

    def get(self, name: str) -> SessionHandle:
        if name not in self.handles:
            raise SessionNotFound(f"session {name!r} is not known: it has ended, or never was")
        return self.handles[name]

    async def create(self, sdp: str, changes: Mapping[str, object]) -> tuple[SessionHandle, str]:
        """A new session from a browser's offer, and the SDP answer."""
        parameters = merge(default_parameters(self.preset, live=True), changes)
        if self.link.state != "ready":
            raise Unavailable(self.link.reason)
        if self.link.congested:
            raise Unavailable(CONGESTED)
        if len(self.handles) >= self.settings.max_sessions and not await self._close_oldest_parked():
            raise NoCapacity(f"all {self.settings.max_sessions} places are taken; try again when someone has left")
        handle = SessionHandle(self.settings, self.preset, self.link, parameters)
        self.handles[handle.id] = handle  # the place is taken before anything is awaited
        try:
            answer = await handle.connect(sdp, lambda peer, why: self._gone(handle, peer, why))
            handle.open()
        except BaseException:
            await self.close(handle.id)
            raise
        log.info("session %s begins", handle.id)
        return handle, answer

    async def resume(self, name: str, token: str, sdp: str) -> tuple[SessionHandle, str]:
        """A browser comes back to its session with a new offer. Raises `SessionNotFound`, for a wrong token too."""
        handle = self.get(name)
        self._check(handle, token)
        answer = await handle.connect(sdp, lambda peer, why: self._gone(handle, peer, why))
        log.info("session %s goes on", name)
        return handle, answer

    async def park(self, name: str, token: str) -> None:
        """A page says that it is going away, perhaps to come back. Raises `SessionNotFound`, for a wrong token too."""
        handle = self.get(name)
        self._check(handle, token)
        await handle.park()

    async def close(self, name: str) -> None:
        """End a session; one that has ended already is no error."""
        handle = self.handles.pop(name, None)
        if handle is not None:
            await handle.close()
            log.info("session %s has ended", name)

    def _check(self, handle: SessionHandle, token: str) -> None:
        if not secrets.compare_digest(token.encode(), handle.token.encode()):
            raise SessionNotFound(f"session {handle.id!r} is not known under this token")

    def _gone(self, handle: SessionHandle, peer: Peer, why: str) -> None:
        """A connection has ended by itself."""
        if handle.peer is not peer:
            return  # another has taken its place already
        log.info("session %s waits for its browser: %s", handle.id, why)
        self._later(handle.park())

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_oldest_parked(self) -> bool:
        """Make room for someone who is there, at the cost of someone who is not."""
        parked = [(handle.parked_at, name) for name, handle in self.handles.items() if handle.parked_at is not None]
        if not parked:
            return False
        await self.close(min(parked)[1])
        return True

    def _hear(self, message: wire.Up) -> None:
        handle = self.handles.get(getattr(message, "session", ""))
        if handle is not None:
            handle.hear(message, len(self.handles))

    def _model_up(self) -> None:
        for handle in self.handles.values():
            handle.frames.empty_rings()
            handle.open()

    def _model_down(self, reason: str) -> None:
        for handle in self.handles.values():
            handle.drop_waiting(reason)
            if self.link.state == "failed":
                handle.fail(reason)

    async def _watch_over(self) -> None:
        """Once a second: telemetry to every page, and what time ends."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            for handle in list(self.handles.values()):
                if handle.peer is not None:
                    handle.peer.say(handle.status())
                    self._check_silence(handle, handle.peer, now)
                if why := self._over(handle, now):
                    log.info("session %s: %s", handle.id, why)
                    self._later(self.close(handle.id))

    def _check_silence(self, handle: SessionHandle, peer: Peer, now: float) -> None:
        limit = self.settings.silence_timeout_s if peer.started else self.settings.setup_timeout_s
        if now - peer.heard > limit:
            self._gone(handle, peer, f"nothing from the browser for {limit:g} s")

    def _over(self, handle: SessionHandle, now: float) -> str | None:
        """Why a session has to end now, or None."""
        if handle.parked_at is not None and now - handle.parked_at > self.settings.grace_s:
            return f"its browser did not come back within {self.settings.grace_s:g} s"
        if self.settings.max_session_s and now - handle.began > self.settings.max_session_s:
            return f"it is {self.settings.max_session_s:g} s old"
        return None
