"""The remote peer's ICE candidates: added in separate tasks, because resolving a name may take a second."""

import logging
from collections.abc import Iterable

from aiortc import InvalidStateError, RTCIceCandidate, RTCPeerConnection

from server.supervisor import Supervisor

log = logging.getLogger(__name__)

MAX_CANDIDATES = 200  # per connection; further ones are ignored


class RemoteCandidates:
    """Adds candidates, and never signals end-of-candidates to ICE.

    After that signal ICE would fail if no candidate is usable, although connectivity checks of the remote peer may
    still arrive and reveal its address. A connection that is not established is ended by its own timeout.
    """

    def __init__(self, pc: RTCPeerConnection) -> None:
        self.pc = pc
        self.addresses: list[RTCIceCandidate] = []
        self.unusable: dict[str, None] = {}  # addresses and names, in the order they came
        self._tasks = Supervisor(self._add_unusable)

    def add(self, candidates: Iterable[RTCIceCandidate]) -> None:
        """Returns at once. Names are resolved concurrently."""
        room = MAX_CANDIDATES - len(self.addresses)
        for candidate in list(candidates)[:room]:
            self.addresses.append(candidate)
            if candidate.protocol.lower() != "udp":
                self._add_unusable(f"{candidate.protocol} {candidate.ip}")
                continue
            self._tasks.start(self._add(candidate), "add a candidate")

    def stop(self) -> None:
        self._tasks.cancel()

    def __str__(self) -> str:
        """For the message on a failed connection."""
        if not self.addresses:
            return "it offered no addresses"
        unusable = f", unusable: {', '.join(list(self.unusable)[:5])}" if self.unusable else ""
        return f"it offered {len(self.addresses)} addresses{unusable}"

    async def _add(self, candidate: RTCIceCandidate) -> None:
        try:
            await self.pc.addIceCandidate(candidate)
        except OSError as error:  # no multicast DNS on this network
            log.info("the name %s cannot be resolved: %s", candidate.ip, error)
        except InvalidStateError:
            return  # the connection was closed meanwhile
        if candidate.ip not in self._remote_addresses():
            self._add_unusable(candidate.ip)

    def _add_unusable(self, address: str) -> None:
        self.unusable[address] = None

    def _remote_addresses(self) -> set[str]:
        transports = {item.receiver.transport.transport for item in self.pc.getTransceivers()}
        if self.pc.sctp is not None:
            transports.add(self.pc.sctp.transport.transport)
        return {item.ip for transport in transports for item in transport.getRemoteCandidates()}
