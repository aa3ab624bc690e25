"""The registry of live sessions."""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine, Mapping

from lipar_core.config import Preset, default_parameters
from lipar_core.parameters import merge
from server import wire
from server.errors import NoCapacity, SessionNotFound, Unavailable
from server.model_entry import Entry
from server.model_link import ModelLink
from server.session import CONGESTED, Kind, SessionHandle
from server.settings import Settings

log = logging.getLogger(__name__)


class Sessions:
    """All live sessions, and the model process that they share."""

    def __init__(self, settings: Settings, preset: Preset, model: Entry) -> None:
        """`model`: what its model process runs."""
        self.settings, self.preset = settings, preset
        self.handles: dict[str, SessionHandle] = {}
        self.link = ModelLink(settings, model, self._hear, self._model_up, self._model_down)
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

    async def create(
        self, sdp: str, changes: Mapping[str, object], kind: Kind = "edit", name: str | None = None
    ) -> tuple[SessionHandle, str]:
        """A new session from an offer that sends video, and the SDP answer. `name`: its id; drawn if None."""
        parameters = merge(default_parameters(self.preset, live=True), changes)
        if self.link.state != "ready":
            raise Unavailable(self.link.reason)
        if self.link.congested:
            raise Unavailable(CONGESTED)
        if len(self.handles) >= self.settings.max_sessions and not await self._close_oldest_parked():
            raise NoCapacity(f"all {self.settings.max_sessions} places are taken; try again when someone has left")
        handle = SessionHandle(self.settings, self.preset, self.link, parameters, kind, name)
        self.handles[handle.id] = handle  # the place is taken before anything is awaited
        try:
            answer = await handle.connect(sdp)
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
        answer = await handle.connect(sdp)
        log.info("session %s goes on", name)
        return handle, answer

    async def publish(self, sdp: str, changes: Mapping[str, object], name: str | None) -> tuple[SessionHandle, str]:
        """A WHIP publisher's offer: a new session, or the one that was published under this name before."""
        handle = self.handles.get(name or "")
        if handle is None:
            return await self.create(sdp, changes, "publish", name)
        if handle.kind != "publish":
            raise NoCapacity(f"the name {name!r} is taken")
        answer = await handle.connect(sdp)
        if changes:
            await handle.update(changes)
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
            handle.frames.restart_rings()
            handle.open()
            handle.tell()

    def _model_down(self, reason: str) -> None:
        for handle in self.handles.values():
            handle.drop_waiting(reason)
            if self.link.state == "failed":
                handle.fail(reason)
            handle.tell()  # at once: a new process may be there within the second

    async def _watch_over(self) -> None:
        """Once a second: telemetry to every page, and what time ends."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            for handle in list(self.handles.values()):
                await handle.look_after(now)
                if why := self._over(handle, now):
                    log.info("session %s: %s", handle.id, why)
                    self._later(self.close(handle.id))

    def _over(self, handle: SessionHandle, now: float) -> str | None:
        """Why a session has to end now, or None."""
        if handle.parked_at is not None and now - handle.parked_at > self.settings.grace_s:
            return f"its browser did not come back within {self.settings.grace_s:g} s"
        if self.settings.max_session_s and now - handle.began > self.settings.max_session_s:
            return f"it is {self.settings.max_session_s:g} s old"
        return None
