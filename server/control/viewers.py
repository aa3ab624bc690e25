"""The connections of a session's viewers."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from server.errors import NoCapacity, SessionNotFound
from server.media.counters import ProcessCounters, SessionCounters
from server.media.peer import Peer
from server.settings import Settings
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

MAX_ENDED = 100


class Viewers:
    """A viewer is added by an offer and removed by a request, or when its connection ends."""

    def __init__(
        self,
        session: str,
        settings: Settings,
        tasks: Supervisor,
        counters: SessionCounters,
        process_counters: ProcessCounters,
    ) -> None:
        self.session, self.settings, self.tasks = session, settings, tasks
        self.counters, self.process_counters = counters, process_counters
        self.peers: dict[str, Peer] = {}
        self.ended: deque[str] = deque(
            maxlen=MAX_ENDED
        )  # ids of viewers whose connection ended; their DELETE may follow

    def __len__(self) -> int:
        return len(self.peers)

    def require_capacity(self) -> None:
        """Raises `NoCapacity`."""
        if len(self.peers) >= self.settings.max_viewers:
            self.process_counters.viewers_rejected += 1
            raise NoCapacity(f"all {self.settings.max_viewers} slots for viewers are taken")

    def get(self, viewer: str) -> Peer:
        """Raises `SessionNotFound`."""
        if viewer not in self.peers:
            raise SessionNotFound(f"viewer {viewer!r} does not exist or has left")
        return self.peers[viewer]

    async def add(self, sdp: str, make: Callable[[Callable[[str], None]], Peer]) -> tuple[Peer, str]:
        """The peer, and the answer to a checked offer. `make(on_closed)` creates the peer."""
        self.require_capacity()
        peer = make(lambda reason: self._ended(peer, reason))
        self.peers[peer.id] = peer  # nothing is awaited since the check
        try:
            answer = await peer.answer(sdp)
        except BaseException:
            await self.remove(peer.id)
            raise
        self.counters.viewers_joined += 1
        self.process_counters.viewers_joined += 1
        return peer, answer

    async def remove(self, viewer: str) -> None:
        """Remove a viewer; idempotent."""
        if peer := self.peers.pop(viewer, None):
            await peer.close()

    async def leave(self, viewer: str) -> None:
        """Remove a viewer by its request. Raises `SessionNotFound`, but not if its connection has just ended."""
        if viewer in self.ended:
            self.ended.remove(viewer)
        else:
            await self.remove(self.get(viewer).id)

    def reap_silent(self, now: float) -> None:
        """Remove viewers that have sent no RTCP reports for too long."""
        for peer in list(self.peers.values()):
            limit = self.settings.viewer_timeout_s if peer.started else self.settings.setup_timeout_s
            if now - peer.last_activity > limit:
                self._ended(peer, peer.problem(now) or f"no report for {limit:g} s")

    async def close(self) -> None:
        await asyncio.gather(*(self.remove(viewer) for viewer in list(self.peers)))

    def _ended(self, peer: Peer, reason: str) -> None:
        if peer.id in self.peers and peer.id not in self.ended:
            log.info("session %s: a viewer has left: %s", self.session, reason)
            self.ended.append(peer.id)
            self.tasks.start(self.remove(peer.id), "close a viewer's connection")
