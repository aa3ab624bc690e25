"""The other side's ICE candidates: added beside the answer, because a name may take a second to resolve."""

import logging
from collections.abc import Iterable

from aiortc import InvalidStateError, RTCIceCandidate, RTCPeerConnection

from server.supervisor import Supervisor

log = logging.getLogger(__name__)

MAX_CANDIDATES = 200  # of one connection; more are not looked at


class RemoteCandidates:
    """Never says to ICE that there are no more.

    Where no candidate can be used ICE would fail then, although the other side's checks are on their way: they bring
    the address that they come from. A connection that does not come about is ended by its own time limit.
    """

    def __init__(self, pc: RTCPeerConnection) -> None:
        self.pc = pc
        self.given: list[RTCIceCandidate] = []
        self.unusable: dict[str, None] = {}  # addresses and names, in the order they came
        self._tasks = Supervisor(self._note_unusable)

    def add(self, candidates: Iterable[RTCIceCandidate]) -> None:
        """Returns at once. Names are resolved all at a time."""
        room = MAX_CANDIDATES - len(self.given)
        for candidate in list(candidates)[:room]:
            self.given.append(candidate)
            if candidate.protocol.lower() != "udp":
                self._note_unusable(f"{candidate.protocol} {candidate.ip}")
                continue
            self._tasks.start(self._add(candidate), "add a candidate")

    def stop(self) -> None:
        self._tasks.cancel()

    def __str__(self) -> str:
        """For whoever wonders why there is no connection."""
        if not self.given:
            return "it named none of its addresses"
        unusable = f", of which cannot be used: {', '.join(list(self.unusable)[:5])}" if self.unusable else ""
        return f"it named {len(self.given)} addresses{unusable}"

    async def _add(self, candidate: RTCIceCandidate) -> None:
        try:
            await self.pc.addIceCandidate(candidate)
        except OSError as error:  # no multicast here
            log.info("the name %s cannot be resolved: %s", candidate.ip, error)
        except InvalidStateError:
            return  # closed meanwhile
        if candidate.ip not in self._known():
            self._note_unusable(candidate.ip)

    def _note_unusable(self, address: str) -> None:
        self.unusable[address] = None

    def _known(self) -> set[str]:
        transports = {one.receiver.transport.transport for one in self.pc.getTransceivers()}
        if self.pc.sctp is not None:
            transports.add(self.pc.sctp.transport.transport)
        return {one.ip for transport in transports for one in transport.getRemoteCandidates()}
