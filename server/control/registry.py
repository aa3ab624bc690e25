"""The registry of live sessions."""

import asyncio
import errno
import logging
import time
from collections.abc import Mapping

from lipar_core.config import Preset
from lipar_core.errors import ParameterError
from lipar_core.parameter_changes import merge
from lipar_core.parameters import Parameters
from lipar_core.presets import default_parameters
from lipar_core.sizes import size_name, stream_at, with_size
from server.control.session_handle import Kind, SessionHandle
from server.control.session_totals import SessionTotals
from server.errors import NameTaken, NoCapacity, SessionNotFound, Unavailable
from server.media.counters import ProcessCounters, join_counts
from server.media.offer_check import check_offer
from server.settings import Settings
from server.supervisor import Supervisor
from server.workers.entry import Entry
from server.workers.pool import WorkerPool
from server.workers.worker import Worker

log = logging.getLogger(__name__)

MORE_MEMORY = "give the machine more: docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm"
MORE_FILES = "let the server open more files: ulimit -n 4096, or docker run --ulimit nofile=4096"
REMEDIES = {
    errno.ENOSPC: MORE_MEMORY,
    errno.ENOMEM: MORE_MEMORY,
    errno.EMFILE: MORE_FILES,
    errno.ENFILE: MORE_FILES,
}


class SessionRegistry:
    """All live sessions, and the workers whose models edit them."""

    def __init__(self, settings: Settings, preset: Preset, model: Entry) -> None:
        """`model`: what its model processes run."""
        self.settings, self.preset = settings, preset
        self.handles: dict[str, SessionHandle] = {}
        self.process_counters = ProcessCounters()
        self.totals = SessionTotals()
        self.pool = WorkerPool(settings, preset.device, model, self.process_counters)
        self.tasks = Supervisor(self.pool.fail)
        self._stopped = False
        self._expiry_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.pool.start()
        self._expiry_task = self.tasks.start(self._close_expired(), "close expired sessions")

    async def stop(self) -> None:
        self._stopped = True
        if self._expiry_task is not None:
            self._expiry_task.cancel()
        await asyncio.gather(*(self.close(name) for name in list(self.handles)))
        await self.tasks.finish()
        await self.pool.stop()
        log.info("since the server was started: %s", join_counts(self.process_counters.counts()))

    def get(self, name: str) -> SessionHandle:
        if name not in self.handles:
            raise SessionNotFound(f"session {name!r} does not exist or has ended")
        return self.handles[name]

    async def create(
        self,
        sdp: str,
        changes: Mapping[str, object],
        kind: Kind = "edit",
        name: str | None = None,
        token: str | None = None,
        size: str | None = None,
    ) -> tuple[SessionHandle, str]:
        """A new session from an offer that sends video, and the SDP answer.

        `size`: one of the preset's picture sizes; None: the server's default.
        `name`: the session's id; random if None. `token`: the editor's; a page recreates its session with both.
        """
        preset = with_size(self.preset, size)
        parameters = merge(default_parameters(preset, live=True), changes)
        check_offer(sdp, sends=True, receives=kind == "edit")
        if self._stopped:
            raise Unavailable("the server is stopping")
        try:
            handle, displaced = self._admit(preset, parameters, kind, name, token)
        except (NoCapacity, Unavailable):
            self.process_counters.sessions_rejected += 1
            raise
        try:
            answer = await handle.connect(sdp)
            await handle.open_and_wait()
        except BaseException:  # a cancelled request too must give its slot back
            await self._close_handle(handle)
            self._restore_displaced(displaced)
            raise
        if displaced is not None:
            log.info("session %s ends: its slot is needed", displaced.id)
            self.process_counters.sessions_displaced += 1
            self._close_displaced(displaced)
        log.info("session %s created", handle.id)
        return handle, answer

    def _admit(
        self, preset: Preset, parameters: Parameters, kind: Kind, name: str | None, token: str | None
    ) -> tuple[SessionHandle, SessionHandle | None]:
        """Take a slot for a new session atomically. Also returns the session that it displaces, if any."""
        if name in self.handles and self.handles[name].phase.name != "failed":
            raise NameTaken(f"the name {name!r} is taken by a session that is open")
        displaced = self.handles[name] if name in self.handles else self._longest_replaceable()
        others = (other for other in self.handles.values() if other is not displaced)
        if token is not None and any(token in (other.token, other.view_token) for other in others):
            raise NameTaken("a session with this token is open: resume it, or end it first")
        if displaced is None and len(self.handles) >= self.settings.max_sessions:
            raise NoCapacity(f"all {self.settings.max_sessions} slots are taken; try again when someone has left")
        worker = self.pool.place(leaving=displaced.model if displaced is not None else None)
        handle = self._new_handle(worker, preset, parameters, kind, name, token)
        if displaced is not None:
            del self.handles[displaced.id]
        self.handles[handle.id] = handle
        self.totals.started(handle.frames.counters)
        self.process_counters.sessions_created += 1
        return handle, displaced

    def _longest_replaceable(self) -> SessionHandle | None:
        """The session to displace if no slot is free: the one parked or failed for the longest time."""
        if len(self.handles) < self.settings.max_sessions:
            return None
        replaceable = [handle for handle in self.handles.values() if handle.replaceable_since]
        return min(replaceable, key=lambda handle: (handle.replaceable_since, handle.id), default=None)

    def _restore_displaced(self, displaced: SessionHandle | None) -> None:
        """The new session failed: restore the displaced one if its slot is still free."""
        if displaced is None or displaced.phase.name == "closed":
            return
        if self._stopped or displaced.id in self.handles or len(self.handles) >= self.settings.max_sessions:
            self._close_displaced(displaced)
        else:
            self.handles[displaced.id] = displaced

    def _close_displaced(self, displaced: SessionHandle) -> None:
        self.process_counters.sessions_ended += 1
        self.tasks.start(self._end(displaced), "close a displaced session")

    def _new_handle(
        self,
        worker: Worker,
        preset: Preset,
        parameters: Parameters,
        kind: Kind,
        name: str | None,
        token: str | None,
    ) -> SessionHandle:
        try:
            return SessionHandle(self.settings, preset, worker, parameters, kind, name, token, self.process_counters)
        except OSError as error:  # only the rings can raise it
            remedy = REMEDIES.get(error.errno or 0, "check that programs may write to /dev/shm")
            reason = f"there is no shared memory for another session ({error.strerror}): {remedy}"
            log.error("no new session: %s", reason)
            raise Unavailable(reason) from error

    async def resume(self, name: str, sdp: str) -> tuple[SessionHandle, str]:
        """Continue a session with a browser's new offer. Raises `SessionNotFound`."""
        handle = self.get(name)
        answer = await handle.connect(sdp)
        log.info("session %s resumed", name)
        return handle, answer

    async def publish(
        self, sdp: str, changes: Mapping[str, object], name: str | None, size: str | None = None
    ) -> tuple[SessionHandle, str]:
        """A WHIP publisher's offer: a new session, or a new connection of the session published under this name.

        `size`: as in `create`; the size of an open session cannot change.
        """
        handle = self.handles.get(name or "")
        if handle is None or handle.phase.name == "failed":
            return await self.create(sdp, changes, "publish", name, size=size)
        if handle.kind != "publish":
            raise NameTaken(f"the name {name!r} is taken by a session that was not published by WHIP")
        own = size_name(handle.frames.stream)
        if size is not None and size_name(stream_at(self.preset, size)) != own:
            raise ParameterError("size", size, f"session {handle.id!r} is open and has {own}: end it first")
        return handle, await handle.connect(sdp, changes)

    async def unpublish(self, name: str) -> None:
        """Stop publishing: with viewers the session is parked for the grace period, else it ends."""
        handle = self.get(name)
        if handle.viewers:
            await handle.park()
        else:
            await self.close(name)

    async def close(self, name: str) -> None:
        """End a session; idempotent."""
        if (handle := self.handles.get(name)) is not None:
            await self._close_handle(handle)

    async def _close_handle(self, handle: SessionHandle) -> None:
        """Close exactly this session: a new one may have the name of a failed one."""
        if self.handles.get(handle.id) is handle:
            del self.handles[handle.id]
            self.process_counters.sessions_ended += 1
        await self._end(handle)

    async def _end(self, handle: SessionHandle) -> None:
        try:
            await handle.close()
        finally:
            self.totals.ended(handle.frames.counters)

    async def _close_expired(self) -> None:
        """Once per second, close expired sessions."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            for handle in list(self.handles.values()):
                if reason := self._expiry_reason(handle, now):
                    log.info("session %s: %s", handle.id, reason)
                    self.tasks.start(self._close_handle(handle), "close an expired session")

    def _expiry_reason(self, handle: SessionHandle, now: float) -> str | None:
        """Why a session has expired, or None."""
        replaceable_since = handle.replaceable_since
        if replaceable_since is not None and now - replaceable_since > self.settings.grace_s:
            return f"its source did not reconnect within {self.settings.grace_s:g} s"
        if self.settings.max_session_s and now - handle.created_at > self.settings.max_session_s:
            return f"it is {self.settings.max_session_s:g} s old"
        return None
