"""RTP packets with a payload type that was not negotiated: aiortc drops them silently."""

from aiortc import RTCDtlsTransport, RTCRtpReceiver
from aiortc.rtp import RtpPacket

from server.media.aiortc_patches import private_attr

MAX_NAMED = 5


class UnexpectedPackets:
    """Counts the packets with a payload type that was not negotiated."""

    def __init__(self) -> None:
        self.packets = 0
        self.payload_types: dict[int, None] = {}  # in the order of arrival

    def watch(self, transport: RTCDtlsTransport) -> None:
        """Start counting; call it before the transport's first packet."""
        router = private_attr(transport, "_rtp_router")
        route = private_attr(router, "route_rtp")

        def route_and_count(packet: RtpPacket) -> RTCRtpReceiver | None:
            if not router.payload_type_table.get(packet.payload_type):
                self.packets += 1
                self.payload_types[packet.payload_type] = None
            receiver: RTCRtpReceiver | None = route(packet)
            return receiver

        router.route_rtp = route_and_count

    def __str__(self) -> str:
        named = ", ".join(str(payload_type) for payload_type in list(self.payload_types)[:MAX_NAMED])
        return f"RTP payload type {named}"
