"""What aiortc has no setting for: a receiver's packets before they are decoded, and its sender's reports."""

import time
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from server.media.aiortc_patches import private_attr
from server.media.audio.broadcast import AudioBroadcast


class AudioReceiver:
    """Takes a connection's sound as it comes, and what its source says of the time of both of its streams."""

    def __init__(self, audio: RTCRtpReceiver, video: RTCRtpReceiver, broadcast: AudioBroadcast) -> None:
        """Before the first packet of either."""
        self.broadcast = broadcast
        name = "_RTCRtpReceiver__jitter_buffer"
        private_attr(audio, name)
        setattr(audio, name, _PacketTap(self._take))
        self._mapper = private_attr(video, "_RTCRtpReceiver__timestamp_mapper")
        _on_sender_reports(audio, self.broadcast.audio_reported)
        _on_sender_reports(video, self.broadcast.video_reported)

    def frame_arrived(self, pts: int, now: float) -> None:
        """A picture with this time has arrived; aiortc counts it from the first."""
        origin: int = private_attr(self._mapper, "_origin")
        self.broadcast.video_arrived((pts + origin) & 0xFFFFFFFF, now)

    def _take(self, packet: RtpPacket) -> None:
        self.broadcast.receive_packet(packet.ssrc, packet.timestamp, packet.payload, time.monotonic())


class _PacketTap(JitterBuffer):
    """Gives every packet away as it arrives, so that none is left for aiortc to decode."""

    def __init__(self, on_packet: Callable[[RtpPacket], None]) -> None:
        super().__init__(capacity=1)
        self.on_packet = on_packet

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        self.on_packet(packet)
        return False, None


def _on_sender_reports(receiver: RTCRtpReceiver, on_report: Callable[[float, int], None]) -> None:
    """Tell the source's time in seconds, and the timestamp that is of that time (RFC 3550, section 6.4.1)."""
    handle = private_attr(receiver, "_handle_rtcp_packet")

    async def handle_rtcp(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket) and (ntp := packet.sender_info.ntp_timestamp):  # 0: it has no clock
            on_report(ntp / 2**32, packet.sender_info.rtp_timestamp)
        await handle(packet)

    receiver._handle_rtcp_packet = handle_rtcp  # type: ignore[method-assign]
