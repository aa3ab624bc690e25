"""One WebRTC connection: a camera's or publisher's video in, the edited video out, or both."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

import av
from aiortc import MediaStreamTrack, RTCDataChannel, RTCRtpTransceiver

from server.errors import SessionNotFound
from server.ice import ice_servers
from server.media.answer_sdp import adapt_answer
from server.media.audio.offer import AudioOffer
from server.media.audio.receiver import AudioReceiver
from server.media.audio.sender import report_from_first_packet
from server.media.codecs import opus_codecs, preferred_codecs
from server.media.colour_space import ColourSpace
from server.media.frames_channel import FramesChannel
from server.media.ice_connection import check_relays, open_connection
from server.media.keep_masks_channel import KeepMasksChannel
from server.media.negotiation import negotiate
from server.media.network_problem import network_problem
from server.media.peer_media import PeerMedia
from server.media.region_masks_channel import RegionMasksChannel
from server.media.remote_candidates import RemoteCandidates
from server.media.telemetry_channel import TelemetryChannel
from server.media.trickle import Trickle
from server.media.unused_track import discard
from server.media.video_offer import VideoOffer, read_video_offer
from server.media.video_receiver import NO_VIDEO_S, VideoReceiver
from server.media.video_sender import VideoSender
from server.settings import Settings
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

CLOSE_S = 3.0  # timeout for closing, which joins threads of aiortc

OnChannel = Callable[[RTCDataChannel], object]


class Peer:
    """Wraps an RTCPeerConnection. Reads every incoming track: the queue of an unread track would grow without bound."""

    def __init__(
        self,
        settings: Settings,
        on_closed: Callable[[str], None],
        media: PeerMedia,
        on_control: OnChannel | None = None,
    ) -> None:
        """`on_closed(reason)` is called when the connection has ended, `on_control` with the data channel "control"."""
        self.settings, self.media = settings, media
        self.on_closed, self.on_control = on_closed, on_control
        self.id = secrets.token_urlsafe(12)
        self.etag = f'"{secrets.token_hex(8)}"'
        self.video: VideoReceiver | None = None
        self.audio: AudioReceiver | None = None
        self.sender: VideoSender | None = None
        self.created_at = self.last_activity = time.monotonic()  # activity: a frame, ping or RTCP report
        self.started = False  # video, or reports on sent video, have been received
        self.telemetry = TelemetryChannel(self._record_ping)
        self.keep_masks: KeepMasksChannel | None = None  # while the page has it open
        self._ice_servers = ice_servers(settings, "server")
        self.pc = open_connection(self._ice_servers)
        self.candidates = RemoteCandidates(self.pc)
        self._tasks = Supervisor(self._report_closed)
        self._closed = False
        self._setup = asyncio.Lock()  # `close` waits until `answer` has finished
        for track in media.outgoing:
            track.on("ended", self._sender_ended)
        self.pc.on("track", self._handle_track)
        self.pc.on("datachannel", self._handle_channel)
        self.pc.on("connectionstatechange", self._state_changed)

    async def answer(self, sdp: str) -> str:
        """Set an offer that `check_offer` has accepted, and return the SDP answer.

        Raises `NoCodec` or `NoRoute`; `SessionNotFound` if the peer was closed meanwhile.
        """
        async with self._setup:
            answer = await self._answer(sdp)
        if self._closed:
            raise SessionNotFound("the connection was ended while it was set up")
        return answer

    async def _answer(self, sdp: str) -> str:
        audio_offer = AudioOffer(sdp)
        offer = read_video_offer(audio_offer.sdp, sends=self.media.track is not None)
        video = self._add_video(offer)
        if audio_offer.audio is not None:
            self._add_audio(audio_offer, video)
        answer = await negotiate(self.pc, offer.sdp)
        check_relays(self._ice_servers, answer)
        if self.video is not None:
            self.video.unexpected.watch(video.receiver.transport)  # bundled: known only now
        if self.media.track is not None:
            self.sender = VideoSender(self.media.track, video.sender, answer, self.settings, self._record_report)
        self.candidates.add(offer.candidates)
        return audio_offer.complete_answer(adapt_answer(offer.complete_answer(answer), self.settings))

    async def add_candidates(self, trickle: Trickle) -> None:
        """Add candidates of the remote peer that follow its offer; raises `BadOffer` for an ICE restart."""
        trickle.check(self.pc)
        self.candidates.add(trickle.candidates)

    def problem(self, now: float) -> str | None:
        """Why no video has been received for a while, or None; called once per second."""
        if problem := network_problem(self.pc, self.candidates):
            return problem if now - self.created_at > NO_VIDEO_S else None
        return None if self.video is None else self.video.problem(now)

    async def round_trip_s(self) -> float | None:
        """Round-trip time by RTCP; None before the first receiver report."""
        return None if self.sender is None else await self.sender.round_trip_s()

    async def close(self) -> None:
        """Release everything; idempotent."""
        if self._closed:
            return
        self._closed = True
        for track in self.media.outgoing:
            track.stop()
        async with self._setup:
            self.candidates.stop()
            self._tasks.cancel()
            if self.video is not None:
                self.video.stop()
            self._stop_keep_masks()
            try:
                await asyncio.wait_for(self.pc.close(), CLOSE_S)
            except TimeoutError:
                log.warning("a peer did not close within %.0f s", CLOSE_S)

    def _add_video(self, offer: VideoOffer) -> RTCRtpTransceiver:
        """Add the video transceiver, before setRemoteDescription, where aiortc selects the codecs."""
        video = self.pc.addTransceiver(self.media.track or "video", self.media.video_direction)
        video.setCodecPreferences(preferred_codecs())
        if self.media.on_frame is not None:
            self.video = VideoReceiver(
                video.receiver, offer, self._take_frame, self._report_closed, self.media.counters
            )
        return video

    def _add_audio(self, offer: AudioOffer, video: RTCRtpTransceiver) -> None:
        """Add the audio transceiver, before setRemoteDescription of an offer with Opus audio."""
        audio = self.pc.addTransceiver(self.media.audio_out or "audio", self.media.audio_direction)
        audio.setCodecPreferences(opus_codecs())
        offer.bind(audio)
        report_from_first_packet(audio.sender)
        if self.media.audio_in is not None:
            self.audio = AudioReceiver(audio.receiver, video.receiver, self.media.audio_in)

    def _handle_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self.video is not None and not self.video.started:
            self.video.start(track)
        else:
            self._tasks.start(discard(track), "discard a track")

    def _take_frame(self, frame: av.VideoFrame, arrived: float, now: float, colours: ColourSpace | None) -> None:
        assert self.media.on_frame is not None
        self.last_activity = now
        self.started = True
        if self.audio is not None and frame.pts is not None:
            captured = self.audio.frame_arrived(frame.pts, now)
            if self.media.capture_times is not None:
                self.media.capture_times.received(now, captured)
        self.media.on_frame(frame, arrived, now, colours)

    def _record_report(self) -> None:
        if self.media.on_frame is None:  # for a peer that sends video, reports do not count as activity
            self.last_activity = time.monotonic()
            self.started = True

    def _record_ping(self) -> None:
        self.last_activity = time.monotonic()

    def _handle_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "telemetry":
            self.telemetry.attach(channel)
        elif channel.label == "frames" and self.sender is not None and self.media.capture_times is not None:
            FramesChannel(channel, self.media.capture_times, self.sender.rtp_origin)
        elif channel.label == "keep-masks" and self.sender is not None and self.media.keep_masks is not None:
            self._stop_keep_masks()  # one at a time
            self.keep_masks = KeepMasksChannel(channel, self.media.keep_masks, self.sender.rtp_origin)
        elif channel.label == "region-masks" and self.media.region_masks is not None:
            RegionMasksChannel(channel, self.media.region_masks)
        elif channel.label == "control" and self.on_control is not None:
            self.on_control(channel)

    def _stop_keep_masks(self) -> None:
        if self.keep_masks is not None:
            self.keep_masks.stop()

    def _state_changed(self) -> None:
        if self.pc.connectionState in ("failed", "closed"):
            default = "it was closed by the remote peer, or no packets arrived any more"
            reason = default if self.started else network_problem(self.pc, self.candidates) or default
            self._report_closed(f"the connection has ended: {reason}")

    def _sender_ended(self) -> None:
        """aiortc stops a track when sending fails, without any other signal."""
        if not self._closed:
            self._report_closed(network_problem(self.pc, self.candidates) or "sending video or audio has failed")

    def _report_closed(self, reason: str) -> None:
        if not self._closed:
            self.on_closed(reason)
