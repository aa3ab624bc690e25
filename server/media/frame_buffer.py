"""Assembly of a video track's packets into encoded frames, and which missing packets to NACK."""

from collections.abc import Callable, Iterator

from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_add, uint16_gt

CAPACITY = 512  # packets, as aiortc's own
NACK_INTERVAL_S = 0.05  # between NACKs of the same packet: retransmissions get lost too
NACK_TIMEOUT_S = 0.4  # then a keyframe request (PLI) is cheaper than waiting


class FrameBuffer(JitterBuffer):
    """Returns a frame on its last packet (RFC 3550: marker bit), not on the next frame's first.

    aiortc's buffer waits for the next frame, which costs a frame interval, and returns one frame per packet, so that
    frames delayed by one lost packet stay one frame late; `pop_complete` returns the remaining ones.
    """

    def __init__(self, assemble: "Callable[[list[RtpPacket]], bytes] | None" = None) -> None:
        """`assemble`: packets of a frame -> its bitstream; empty if they hold no frame."""
        super().__init__(capacity=CAPACITY, is_video=True)
        self._assemble = assemble or join_payloads

    def reset(self) -> None:
        """Discard everything: another stream begins."""
        self.remove(self.capacity)
        self._origin = None

    def pop_complete(self) -> Iterator[JitterFrame]:
        """Further frames that are complete."""
        while self._origin is not None and (frame := self._remove_frame(self._origin)) is not None:
            yield frame

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Like aiortc's, but any packet older than the expected one is dropped.

        aiortc resets its origin to a packet that is 100 or more behind: to a position that no packet will follow.
        """
        if self._origin is not None and 0 < uint16_add(self._origin, -packet.sequence_number) < self.capacity:
            return False, None
        return super().add(packet)

    def skip(self, following: int) -> None:
        """Discard the buffered packets and the gap, and continue with the packet of sequence number `following`.

        Not with the next packet that arrives: it may be a late one of those discarded.
        """
        if self._origin is not None:
            self.remove(self.capacity)
            self._origin = following

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        while packets := self._first_frame():
            self.remove(len(packets))
            if data := self._assemble(packets):
                return JitterFrame(data=data, timestamp=packets[0].timestamp)
        return None  # only padding: an empty packet would flush the decoder

    def _first_frame(self) -> list[RtpPacket]:
        """The packets of the first frame; empty while it is incomplete."""
        packets: list[RtpPacket] = []
        assert self._origin is not None
        for count in range(self.capacity):
            packet = self._packets[(self._origin + count) % self.capacity]
            if packet is None:
                return []
            if packets and packet.timestamp != packets[0].timestamp:
                return packets  # the sender sets no marker: the next frame's first packet ends this one
            packets.append(packet)
            if packet.marker:
                return packets
        return []


def join_payloads(packets: list[RtpPacket]) -> bytes:
    """Assemble codecs that aiortc depacketizes."""
    return b"".join(packet._data for packet in packets)  # type: ignore[attr-defined]


class MissingPackets:
    """Sequence numbers of missing packets. Times in seconds, on any one clock."""

    def __init__(self) -> None:
        self.reset()
        self._last_nack = 0.0

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self.newest: int | None = None
        self._since: dict[int, float] = {}

    def arrived(self, sequence_number: int, now: float) -> bool:
        """Record a received packet; True if it opens a gap."""
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

    def due_nacks(self, now: float) -> list[int]:
        """The packets to NACK now: all missing ones, every `NACK_INTERVAL_S`."""
        if not self._since or now - self._last_nack < NACK_INTERVAL_S:
            return []
        self._last_nack = now
        return self.all

    def expire(self, now: float) -> bool:
        """Whether a packet has been missing for longer than `NACK_TIMEOUT_S`; then all missing ones are forgotten."""
        if not any(now - since > NACK_TIMEOUT_S for since in self._since.values()):
            return False
        self._since.clear()
        return True


def _between(first: int, last: int) -> Iterator[int]:
    number = uint16_add(first, 1)
    while number != last:
        yield number
        number = uint16_add(number, 1)
