"""The connection that sends a session's video: at most one, replaced and removed together with the phase."""

import asyncio
import logging
from collections.abc import Callable

from server.control.phase import SessionPhase
from server.media.counters import SessionCounters
from server.media.peer import Peer
from server.supervisor import Supervisor

log = logging.getLogger(__name__)


class Source:
    """At most one live peer. A new connection is set up concurrently and replaces it atomically, or not at all."""

    def __init__(self, phase: SessionPhase, tasks: Supervisor, counters: SessionCounters) -> None:
        self.phase, self.tasks, self.counters = phase, tasks, counters
        self.peer: Peer | None = None
        self._candidate: Peer | None = None  # being set up
        self._lock = asyncio.Lock()  # one connection is set up at a time; the last of several stays

    async def connect(self, sdp: str, make: Callable[[], Peer], on_install: Callable[[], None]) -> str:
        """The answer to an offer. `on_install` is called right before the new peer is installed; it may raise.

        Raises `SessionNotFound`, or what `Peer.answer` and `on_install` raise; the current peer then stays.
        """
        async with self._lock:
            self.phase.require("connected")
            peer = self._candidate = make()
            try:
                answer = await peer.answer(sdp)
                self.phase.require("connected")  # nothing is awaited from here on
                on_install()
                self._install(peer)
            except BaseException:  # a cancelled request too must not leave a connection
                await peer.close()
                raise
            finally:
                self._candidate = None
        return answer

    def _install(self, peer: Peer) -> None:
        old, self.peer = self.peer, peer
        self.counters.reconnects += self.phase.name != "new"
        self.phase.enter("connected")
        if old is not None:
            self.tasks.start(old.close(), "close a replaced connection")

    def park(self, reason: str) -> asyncio.Task[None] | None:
        """Remove the connection at once; another may follow. Returns the task that closes it, if there was one."""
        if self.phase.allows("parked"):
            self.phase.enter("parked", reason)
        peer, self.peer = self.peer, None
        return None if peer is None else self.tasks.start(peer.close(), "close a connection")

    async def close(self) -> None:
        """Close everything. Call it after the phase has changed to one that allows no connection."""
        if self._candidate is not None:
            await self._candidate.close()  # which makes its `connect` fail
        peer, self.peer = self.peer, None
        if peer is not None:
            await peer.close()
