"""Interception of an aiortc receiver's packets before they are decoded, and of sender reports."""

import time
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from server.media.aiortc_patches import private_attr
from server.media.audio.broadcast import AudioBroadcast


class AudioReceiver:
    """Passes a connection's audio packets, and the sender reports on both of its streams, to an `AudioBroadcast`."""

    def __init__(self, audio: RTCRtpReceiver, video: RTCRtpReceiver, broadcast: AudioBroadcast) -> None:
        """Create it before the first packet of either receiver."""
        self.broadcast = broadcast
        name = "_RTCRtpReceiver__jitter_buffer"
        private_attr(audio, name)
        setattr(audio, name, _PacketTap(self._take))
        self._mapper = private_attr(video, "_RTCRtpReceiver__timestamp_mapper")
        _on_sender_reports(audio, self.broadcast.audio_reported)
        _on_sender_reports(video, self.broadcast.video_reported)

    def frame_arrived(self, pts: int, now: float) -> float | None:
        """A video frame with this pts has arrived; aiortc counts pts from the first timestamp.

        Returns its capture time by the source's clock, NTP seconds; None before the source's first report.
        """
        origin: int = private_attr(self._mapper, "_origin")
        return self.broadcast.video_arrived((pts + origin) & 0xFFFFFFFF, now)

    def _take(self, packet: RtpPacket) -> None:
        self.broadcast.receive_packet(packet.ssrc, packet.timestamp, packet.payload, time.monotonic())


class _PacketTap(JitterBuffer):
    """Passes every packet to a callback on arrival; aiortc gets no frame to decode."""

    def __init__(self, on_packet: Callable[[RtpPacket], None]) -> None:
        super().__init__(capacity=1)
        self.on_packet = on_packet

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        self.on_packet(packet)
        return False, None


def _on_sender_reports(receiver: RTCRtpReceiver, on_report: Callable[[float, int], None]) -> None:
    """Call `on_report(ntp_s, rtp_timestamp)` for every sender report (RFC 3550, section 6.4.1)."""
    handle = private_attr(receiver, "_handle_rtcp_packet")

    async def handle_rtcp(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket) and (ntp := packet.sender_info.ntp_timestamp):  # 0: the sender has no clock
            on_report(ntp / 2**32, packet.sender_info.rtp_timestamp)
        await handle(packet)

    receiver._handle_rtcp_packet = handle_rtcp  # type: ignore[method-assign]
