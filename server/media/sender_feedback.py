"""What the other side reports of a sender: packets lost, the rate that it estimates, keyframes that it needs."""

from collections.abc import Callable

from aiortc import RTCRtpSender
from aiortc.rtp import RTCP_PSFB_APP, RTP_HISTORY_SIZE, AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpSrPacket
from aiortc.rtp import unpack_remb_fci as unpack_remb

from server.media.aiortc_patches import own


def attach_feedback_handlers(
    sender: RTCRtpSender,
    on_lost: Callable[[float], None],
    on_estimate: Callable[[int], None],
    on_keyframe: Callable[[], None],
    on_any: Callable[[], None],
) -> None:
    """Tell what the other side reports of a sender: share of packets lost, its REMB in bit/s, a keyframe that it needs.

    A packet that is asked for again and not kept any more needs a keyframe too: Chromium says so after 3 s only.
    `on_any` is told of every report: who only watches says nothing else.
    """
    handle, send_keyframe, ssrc = own(sender, "_handle_rtcp_packet"), own(sender, "_send_keyframe"), sender._ssrc
    retransmit, sent = own(sender, "_retransmit"), own(sender, "_RTCRtpSender__rtp_history")

    async def handle_rtcp(packet: AnyRtcpPacket) -> None:
        on_any()
        if isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            for report in packet.reports:
                if report.ssrc == ssrc:
                    on_lost(report.fraction_lost / 256)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, ssrcs = unpack_remb(packet.fci)
            except ValueError:
                bitrate, ssrcs = 0, []  # another application's message
            if ssrc in ssrcs:
                on_estimate(bitrate)
        await handle(packet)

    def keyframe() -> None:
        on_keyframe()
        send_keyframe()

    async def retransmit_or_begin_anew(sequence_number: int) -> None:
        kept = sent.get(sequence_number % RTP_HISTORY_SIZE)
        if kept is None or kept.sequence_number != sequence_number:
            on_keyframe()
        await retransmit(sequence_number)

    sender._retransmit = retransmit_or_begin_anew  # type: ignore[method-assign]
    sender._handle_rtcp_packet = handle_rtcp  # type: ignore[method-assign]
    sender._send_keyframe = keyframe  # type: ignore[method-assign]
