"""Packets of a video track put together to encoded frames, and which packets to ask for again."""

from collections.abc import Callable, Iterator

from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add, uint16_gt

CAPACITY = 512  # packets, as aiortc's own
ASK_AGAIN_S = 0.05  # a lost retransmission is asked for once more
GIVE_UP_S = 0.4  # then a new keyframe is cheaper than waiting


class FrameBuffer(JitterBuffer):
    """Gives a frame out with its last packet (RFC 3550: marker bit), not with the next frame's first.

    aiortc's waits for the next frame, which costs a frame interval, and gives one frame for a packet, so that frames
    that were held up by one lost packet stay a frame late for good; `more` gives the others.
    """

    def __init__(self, assemble: "Callable[[list[RtpPacket]], bytes] | None" = None) -> None:
        """`assemble`: the packets of a frame -> what is decoded; nothing where there is no frame in them."""
        super().__init__(capacity=CAPACITY, is_video=True)
        self._assemble = assemble or join_payloads

    def restart(self) -> None:
        """Another stream begins."""
        self.remove(self.capacity)
        self._origin = None

    def more(self) -> Iterator[JitterFrame]:
        """Further frames that are complete."""
        while self._origin is not None and (frame := self._remove_frame(self._origin)) is not None:
            yield frame

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """As aiortc's, but a packet from before what is waited for is dropped however late it is.

        aiortc's begins anew at one that is 100 late: at a place from which nothing comes any more.
        """
        if self._origin is not None and 0 < uint16_add(self._origin, -packet.sequence_number) < self.capacity:
            return False, None
        return super().add(packet)

    def skip(self, following: int) -> None:
        """Give up what waits behind a gap, and the gap, and wait for the packet of this number.

        Not for whichever comes next: that may be a late one of those given up, and those after it are gone.
        """
        if self._origin is not None:
            self.remove(self.capacity)
            self._origin = following

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        while packets := self._first_frame():
            self.remove(len(packets))
            if data := self._assemble(packets):
                return JitterFrame(data=data, timestamp=packets[0].timestamp)
        return None  # padding alone is no frame: to a decoder it would mean the end

    def _first_frame(self) -> list[RtpPacket]:
        """The packets of the first frame; none while it is not complete."""
        packets: list[RtpPacket] = []
        assert self._origin is not None
        for count in range(self.capacity):
            packet = self._packets[(self._origin + count) % self.capacity]
            if packet is None:
                return []
            if packets and packet.timestamp != packets[0].timestamp:
                return packets  # a sender that sets no marker: the next frame's first packet ends this one
            packets.append(packet)
            if packet.marker:
                return packets
        return []


def join_payloads(packets: list[RtpPacket]) -> bytes:
    """Of codecs whose packets aiortc has unpacked."""
    return b"".join(packet._data for packet in packets)  # type: ignore[attr-defined]


class Missing:
    """Sequence numbers of packets that have not come. Times in seconds, on any one clock."""

    def __init__(self) -> None:
        self.restart()
        self._asked = 0.0

    def restart(self) -> None:
        """Another stream begins."""
        self.newest: int | None = None
        self._since: dict[int, float] = {}

    def arrived(self, sequence_number: int, now: float) -> bool:
        """A packet is here; True where that opens a gap."""
        if self.newest is None or uint16_gt(sequence_number, self.newest):
            gap = [] if self.newest is None else list(_between(self.newest, sequence_number))
            self.newest = sequence_number
            self._since |= dict.fromkeys(gap[-CAPACITY:], now)
            return bool(gap)
        self._since.pop(sequence_number, None)
        return False

    @property
    def all(self) -> list[int]:
        return sorted(self._since)

    def wanted(self, now: float) -> list[int]:
        """What to ask for again now: everything missing, every `ASK_AGAIN_S`."""
        if not self._since or now - self._asked < ASK_AGAIN_S:
            return []
        self._asked = now
        return self.all

    def given_up(self, now: float) -> bool:
        """Whether something has been missing for too long; all that is missing is forgotten then."""
        if not any(now - since > GIVE_UP_S for since in self._since.values()):
            return False
        self._since.clear()
        return True


def _between(first: int, last: int) -> Iterator[int]:
    number = uint16_add(first, 1)
    while number != last:
        yield number
        number = uint16_add(number, 1)
