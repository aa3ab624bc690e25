"""Reports of our own clock to those who listen and watch."""

from aiortc import RTCRtpSender
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket

from server.media.aiortc_patches import private_attr


def report_from_first_packet(sender: RTCRtpSender) -> None:
    """Let a sender report nothing before it has sent something: aiortc reports the time 0 then.

    Receivers keep sound and picture together by these reports, and sound may begin long after the picture.
    """
    send = private_attr(sender, "_send_rtcp")

    async def send_rtcp(packets: list[AnyRtcpPacket]) -> None:
        if not any(isinstance(packet, RtcpSrPacket) and not packet.sender_info.packet_count for packet in packets):
            await send(packets)

    sender._send_rtcp = send_rtcp  # type: ignore[method-assign]
