"""RTCP sender reports of the outgoing audio."""

from aiortc import RTCRtpSender
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket

from server.media.aiortc_patches import private_attr


def report_from_first_packet(sender: RTCRtpSender) -> None:
    """Suppress sender reports before the first packet: aiortc would report the RTP time 0.

    Receivers synchronise audio and video by these reports, and audio may begin long after the video.
    """
    send = private_attr(sender, "_send_rtcp")

    async def send_rtcp(packets: list[AnyRtcpPacket]) -> None:
        if not any(isinstance(packet, RtcpSrPacket) and not packet.sender_info.packet_count for packet in packets):
            await send(packets)

    sender._send_rtcp = send_rtcp  # type: ignore[method-assign]
