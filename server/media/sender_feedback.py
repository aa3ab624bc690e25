"""RTCP feedback to a sender: packet loss, bandwidth estimate (REMB), keyframe requests (PLI)."""

from collections.abc import Callable

from aiortc import RTCRtpSender
from aiortc.rtp import RTCP_PSFB_APP, RTP_HISTORY_SIZE, AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpSrPacket
from aiortc.rtp import unpack_remb_fci as unpack_remb

from server.media.aiortc_patches import private_attr


def attach_feedback_handlers(
    sender: RTCRtpSender,
    on_lost: Callable[[float], None],
    on_estimate: Callable[[int], None],
    on_keyframe: Callable[[], None],
    on_any: Callable[[], None],
) -> None:
    """Call handlers on RTCP feedback to a sender: loss ratio 0..1, REMB in bit/s, keyframe request, any report.

    A NACK for a packet that is no longer in the history counts as a keyframe request: Chromium sends a PLI only after
    3 s. `on_any` shows that a viewer is alive: it sends nothing else.
    """
    handle = private_attr(sender, "_handle_rtcp_packet")
    send_keyframe = private_attr(sender, "_send_keyframe")
    ssrc = sender._ssrc
    retransmit = private_attr(sender, "_retransmit")
    sent = private_attr(sender, "_RTCRtpSender__rtp_history")

    async def handle_rtcp(packet: AnyRtcpPacket) -> None:
        on_any()
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == ssrc:
                    on_lost(report.fraction_lost / 256)
        elif (bitrate := _remb_bitrate(packet, ssrc)) is not None:
            on_estimate(bitrate)
        await handle(packet)

    def keyframe() -> None:
        on_keyframe()
        send_keyframe()

    async def retransmit_or_request_keyframe(sequence_number: int) -> None:
        kept = sent.get(sequence_number % RTP_HISTORY_SIZE)
        if kept is None or kept.sequence_number != sequence_number:
            on_keyframe()
        await retransmit(sequence_number)

    sender._retransmit = retransmit_or_request_keyframe  # type: ignore[method-assign]
    sender._handle_rtcp_packet = handle_rtcp  # type: ignore[method-assign]
    sender._send_keyframe = keyframe  # type: ignore[method-assign]


def _remb_bitrate(packet: AnyRtcpPacket, ssrc: int) -> int | None:
    """The bandwidth estimate in bit/s, if the packet is a REMB for this SSRC."""
    if not isinstance(packet, RtcpPsfbPacket) or packet.fmt != RTCP_PSFB_APP:
        return None
    try:
        bitrate, ssrcs = unpack_remb(packet.fci)
    except ValueError:
        return None  # another application-layer message
    return bitrate if ssrc in ssrcs else None
