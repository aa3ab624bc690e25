"""A bad network, in process: what it does to each packet of media is drawn from a seed."""

import re
from collections import deque
from collections.abc import Iterator

import numpy as np
from aiortc import RTCIceTransport, RTCPeerConnection

LATE_BY = 3  # packets that overtake a late one


class Way:
    """One direction. Only RTP and RTCP suffer: the set-up of the connection is not what is looked at."""

    def __init__(self, loss: float = 0.0, *, late: float = 0.0, twice: float = 0.0, seed: int = 0) -> None:
        """`loss`, `late` and `twice` are the shares of packets that are lost, overtaken by others, and doubled."""
        self.loss = loss
        self.late = late
        self.twice = twice
        self.loss_of_repairs = 0.0  # more of the retransmissions than of the rest
        self.repairs: set[int] = set()  # their payload types
        self.dark = False  # nothing comes through
        self.packets = self.lost = self.lost_repairs = 0
        self._rng = np.random.default_rng(seed)
        self._overtaken: list[tuple[int, bytes]] = []

    def passes(self, data: bytes) -> Iterator[bytes]:
        """What arrives when `data` is sent."""
        if not 128 <= data[0] <= 191:  # neither RTP nor RTCP (RFC 7983)
            yield data
            return
        self.packets += 1
        draw = self._rng.random(4)
        if self.dark or draw[0] < self.loss:
            self.lost += 1
        elif data[1] & 0x7F in self.repairs and draw[3] < self.loss_of_repairs:
            self.lost_repairs += 1
        elif draw[1] < self.late:
            self._overtaken.append((self.packets + LATE_BY, data))
        else:
            yield from [data] * (2 if draw[2] < self.twice else 1)
        while self._overtaken and self._overtaken[0][0] <= self.packets:
            yield self._overtaken.pop(0)[1]


def spoil(transport: RTCIceTransport, coming: Way, going: Way) -> None:
    """Put a way into each direction of a connection."""
    recv = transport._recv
    send = transport._send
    arrived = deque[bytes]()

    async def spoilt_recv() -> bytes:
        while not arrived:
            arrived.extend(coming.passes(await recv()))
        return arrived.popleft()

    async def spoilt_send(data: bytes) -> None:
        for passing in going.passes(data):
            await send(passing)

    transport._recv = spoilt_recv
    transport._send = spoilt_send


def spoil_connection(pc: RTCPeerConnection, coming: Way, going: Way) -> None:
    """The same for a connection whose description is set: its media are bundled on one transport."""
    repairs = {int(number) for number in re.findall(r"a=rtpmap:(\d+) rtx/", pc.localDescription.sdp)}
    coming.repairs = going.repairs = repairs
    for transport in {id(one): one for one in (sender.transport.transport for sender in pc.getSenders())}.values():
        spoil(transport, coming, going)


def spoil_all(coming: Way, going: Way) -> None:
    """Every connection of this process from now on."""
    begin = RTCIceTransport.__init__

    def begin_spoilt(self: RTCIceTransport, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)
        spoil(self, coming, going)

    RTCIceTransport.__init__ = begin_spoilt
