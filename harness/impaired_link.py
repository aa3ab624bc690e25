"""Network impairment in process: packet loss, reordering, duplication and blackouts, drawn from a seed."""

import re
from collections import deque
from collections.abc import Iterator

import numpy as np
from aiortc import RTCIceTransport, RTCPeerConnection

REORDER_DISTANCE = 3  # packets that overtake a reordered one


class ImpairedLink:
    """One direction of a link. Only RTP and RTCP are impaired, not the connection's set-up."""

    def __init__(self, loss: float = 0.0, *, reordered: float = 0.0, duplicated: float = 0.0, seed: int = 0) -> None:
        """`loss`, `reordered` and `duplicated` are ratios of packets, 0..1."""
        self.loss = loss
        self.reordered = reordered
        self.duplicated = duplicated
        self.retransmission_loss = 0.0  # additional loss ratio of retransmissions
        self.rtx_payload_types: set[int] = set()  # of retransmissions
        self.blackout = False  # all packets are lost
        self.packets = self.lost = self.lost_retransmissions = 0
        self._rng = np.random.default_rng(seed)
        self._held_back: list[tuple[int, bytes]] = []

    def transmit(self, data: bytes) -> Iterator[bytes]:
        """The packets that arrive after `data` is sent."""
        if not 128 <= data[0] <= 191:  # neither RTP nor RTCP (RFC 7983)
            yield data
            return
        self.packets += 1
        draw = self._rng.random(4)
        if self.blackout or draw[0] < self.loss:
            self.lost += 1
        elif data[1] & 0x7F in self.rtx_payload_types and draw[3] < self.retransmission_loss:
            self.lost_retransmissions += 1
        elif draw[1] < self.reordered:
            self._held_back.append((self.packets + REORDER_DISTANCE, data))
        else:
            yield from [data] * (2 if draw[2] < self.duplicated else 1)
        while self._held_back and self._held_back[0][0] <= self.packets:
            yield self._held_back.pop(0)[1]


def impair(transport: RTCIceTransport, incoming: ImpairedLink, outgoing: ImpairedLink) -> None:
    """Impair both directions of a transport."""
    recv = transport._recv
    send = transport._send
    arrived = deque[bytes]()

    async def impaired_recv() -> bytes:
        while not arrived:
            arrived.extend(incoming.transmit(await recv()))
        return arrived.popleft()

    async def impaired_send(data: bytes) -> None:
        for passing in outgoing.transmit(data):
            await send(passing)

    transport._recv = impaired_recv
    transport._send = impaired_send


def impair_connection(pc: RTCPeerConnection, incoming: ImpairedLink, outgoing: ImpairedLink) -> None:
    """Impair a connection whose description is set: its media are bundled on one transport."""
    payload_types = {int(number) for number in re.findall(r"a=rtpmap:(\d+) rtx/", pc.localDescription.sdp)}
    incoming.rtx_payload_types = outgoing.rtx_payload_types = payload_types
    for transport in {id(link): link for link in (sender.transport.transport for sender in pc.getSenders())}.values():
        impair(transport, incoming, outgoing)


def impair_all(incoming: ImpairedLink, outgoing: ImpairedLink) -> None:
    """Impair every connection that this process opens from now on."""
    init = RTCIceTransport.__init__

    def init_impaired(self: RTCIceTransport, *args: object, **kwargs: object) -> None:
        init(self, *args, **kwargs)
        impair(self, incoming, outgoing)

    RTCIceTransport.__init__ = init_impaired
