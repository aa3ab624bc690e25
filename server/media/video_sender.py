"""The outgoing video of a connection: bitrate and keyframes by RTCP feedback."""

from collections.abc import Callable

from aiortc import RTCRtpSender
from aiortc.sdp import SessionDescription
from aiortc.stats import RTCRemoteInboundRtpStreamStats

from server.media.edited_track import EditedTrack
from server.media.rate_control import RateControl
from server.media.rtp_origin import RtpOrigin
from server.media.sender_feedback import attach_feedback_handlers
from server.settings import Settings


class VideoSender:
    """Replaces aiortc's rate control, and its encoder if H.264 is sent."""

    def __init__(
        self, track: EditedTrack, sender: RTCRtpSender, answer: str, settings: Settings, on_report: Callable[[], None]
    ) -> None:
        """`answer`: the SDP answer; its first video codec is sent. `on_report` is called for every RTCP packet."""
        self.sender = sender
        self.rtp_origin = RtpOrigin(sender)
        start = max(settings.start_bitrate, min(round(track.stream.bitrate), settings.max_bitrate))
        rate = RateControl(start, settings.min_bitrate, settings.max_bitrate)
        media = next(media for media in SessionDescription.parse(answer).media if media.kind == "video")
        if media.rtp.codecs[0].mimeType == "video/H264":  # aiortc's VP8 encoder applies REMB by itself
            track.use_rate_control(rate)
        attach_feedback_handlers(sender, rate.on_receiver_report, rate.on_remb, track.request_keyframe, on_report)

    async def round_trip_s(self) -> float | None:
        """Round-trip time by RTCP; None before the first receiver report."""
        reports = (await self.sender.getStats()).values()
        times = [report.roundTripTime for report in reports if isinstance(report, RTCRemoteInboundRtpStreamStats)]
        return next((seconds for seconds in times if seconds is not None), None)
