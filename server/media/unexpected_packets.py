"""RTP packets that a connection's answer has no place for: aiortc drops them without a word."""

from aiortc import RTCDtlsTransport, RTCRtpReceiver
from aiortc.rtp import RtpPacket

from server.media.aiortc_patches import own

MAX_NAMED = 5


class UnexpectedPackets:
    """Counts the packets that are of no payload type that was agreed on."""

    def __init__(self) -> None:
        self.packets = 0
        self.payload_types: dict[int, None] = {}  # in the order they came

    def watch(self, transport: RTCDtlsTransport) -> None:
        """From now on; before the transport's first packet."""
        router = own(transport, "_rtp_router")
        route = own(router, "route_rtp")

        def route_and_note(packet: RtpPacket) -> RTCRtpReceiver | None:
            if not router.payload_type_table.get(packet.payload_type):
                self.packets += 1
                self.payload_types[packet.payload_type] = None
            found: RTCRtpReceiver | None = route(packet)
            return found

        router.route_rtp = route_and_note

    def __str__(self) -> str:
        named = ", ".join(str(one) for one in list(self.payload_types)[:MAX_NAMED])
        return f"RTP payload type {named}"
