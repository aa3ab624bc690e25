"""One WebRTC connection: a camera's or publisher's video in, the edited video out, or both."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
)
from aiortc.sdp import SessionDescription
from aiortc.stats import RTCRemoteInboundRtpStreamStats

from server.errors import NoRoute, SessionNotFound
from server.ice import ice_servers
from server.media.answer_sdp import with_public_address, with_start_bitrate
from server.media.audio.broadcast import AudioBroadcast
from server.media.audio.offer import AudioOffer
from server.media.audio.receiver import AudioReceiver
from server.media.audio.sender import report_from_first_packet
from server.media.audio.track import AudioTrack
from server.media.codecs import opus_codecs, preferred_codecs
from server.media.colour_space import ColourSpace
from server.media.edited_track import EditedTrack
from server.media.negotiation import negotiate
from server.media.network_problem import network_problem
from server.media.rate_control import RateControl
from server.media.remote_candidates import RemoteCandidates
from server.media.sender_feedback import attach_feedback_handlers
from server.media.telemetry_channel import TelemetryChannel
from server.media.trickle import Trickle
from server.media.unused_track import discard
from server.media.video_offer import read_video_offer
from server.media.video_receiver import NO_VIDEO_S, OnFrame, VideoReceiver
from server.settings import Settings
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

CLOSE_S = 3.0  # timeout for closing, which joins threads of aiortc
DIRECTIONS = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}

OnChannel = Callable[[RTCDataChannel], object]


class Peer:
    """Wraps an RTCPeerConnection. Reads every incoming track: the queue of an unread track would grow without bound."""

    def __init__(
        self,
        settings: Settings,
        on_closed: Callable[[str], None],
        *,
        track: EditedTrack | None = None,
        on_frame: OnFrame | None = None,
        on_control: OnChannel | None = None,
        on_undecodable: Callable[[], None] = lambda: None,
        audio_in: AudioBroadcast | None = None,
        audio_out: AudioTrack | None = None,
    ) -> None:
        """`track` is sent; `on_frame` is called for each received frame, with the arguments of `OnFrame`.

        `audio_in` gets the received audio and `audio_out` is sent, if the offer has audio in that direction.
        `on_undecodable` is called for every received frame that cannot be decoded.
        `on_control` is called with the data channel "control", `on_closed(reason)` when the connection has ended.
        """
        self.settings = settings
        self.track = track
        self.on_frame = on_frame
        self.on_closed = on_closed
        self.on_control = on_control
        self.on_undecodable = on_undecodable
        self.audio_in, self.audio_out = audio_in, audio_out
        self.audio: AudioReceiver | None = None
        self.id = secrets.token_urlsafe(12)
        self.etag = f'"{secrets.token_hex(8)}"'
        self.video: VideoReceiver | None = None
        self.created_at = self.last_activity = time.monotonic()  # activity: a frame, ping or RTCP report
        self.started = False  # video has been received, or reports of sent video
        self.telemetry = TelemetryChannel(self._record_ping)
        known = ice_servers(settings, "server")
        servers = [RTCIceServer(urls=one.url, username=one.username, credential=one.credential) for one in known]
        self._relays = [one.url for one in known if one.url.startswith("turn")]
        # an explicit list, even if empty: aiortc's default is a public STUN server
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self.candidates = RemoteCandidates(self.pc)
        self._tasks = Supervisor(self._report_closed)
        self._sender: RTCRtpSender | None = None
        self._closed = False
        self._setup = asyncio.Lock()  # `close` waits until `answer` has finished
        for outgoing in (track, audio_out):
            if outgoing is not None:
                outgoing.on("ended", self._sender_ended)
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
        offer = read_video_offer(audio_offer.sdp, sends=self.track is not None)
        direction = DIRECTIONS[self.on_frame is not None, self.track is not None]
        transceiver = self.pc.addTransceiver(self.track or "video", direction)
        # before setRemoteDescription, where aiortc selects the codecs
        transceiver.setCodecPreferences(preferred_codecs())
        if self.on_frame is not None:
            self.video = VideoReceiver(
                transceiver.receiver, offer, self._take_frame, self.on_undecodable, self._report_closed
            )
        if audio_offer.audio is not None:
            self._add_audio(audio_offer, transceiver)
        answer = await negotiate(self.pc, offer.sdp)
        if self._relays and "typ relay" not in answer:
            log.warning(
                "no relay candidate from %s: check that it runs and that its credentials are right",
                ", ".join(self._relays),
            )
        if self.video is not None:
            self.video.unexpected.watch(transceiver.receiver.transport)  # bundled: known only now
        self._set_up_sender(transceiver, answer)
        self.candidates.add(offer.candidates)
        answer = with_start_bitrate(offer.complete_answer(answer), self.settings.camera_start_bitrate)
        if self.settings.public_ip is not None:
            answer = with_public_address(answer, self.settings.public_ip)
        if "a=candidate" not in answer:
            raise NoRoute("no network address to offer: check the UDP ports and the ICE servers")
        return audio_offer.complete_answer(answer)

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
        if self._sender is None:
            return None
        found = (await self._sender.getStats()).values()
        times = [one.roundTripTime for one in found if isinstance(one, RTCRemoteInboundRtpStreamStats)]
        return next((seconds for seconds in times if seconds is not None), None)

    async def close(self) -> None:
        """Release everything; idempotent."""
        if self._closed:
            return
        self._closed = True
        for track in (self.track, self.audio_out):
            if track is not None:
                track.stop()
        async with self._setup:
            self.candidates.stop()
            self._tasks.cancel()
            if self.video is not None:
                self.video.stop()
            try:
                await asyncio.wait_for(self.pc.close(), CLOSE_S)
            except TimeoutError:
                log.warning("a peer did not close within %.0f s", CLOSE_S)

    def _set_up_sender(self, transceiver: RTCRtpTransceiver, answer: str) -> None:
        """Replace aiortc's encoder and rate control by our own."""
        media = next(media for media in SessionDescription.parse(answer).media if media.kind == "video")
        if self.track is None:
            return
        self._sender = transceiver.sender
        settings = self.settings
        start = max(settings.start_bitrate, min(round(self.track.stream.bitrate), settings.max_bitrate))
        control = RateControl(start, settings.min_bitrate, settings.max_bitrate)
        if media.rtp.codecs[0].mimeType == "video/H264":  # aiortc's VP8 encoder applies REMB by itself
            self.track.use_rate_control(control)
        listeners = (control.on_receiver_report, control.on_remb, self.track.request_keyframe, self._reported)
        attach_feedback_handlers(transceiver.sender, *listeners)

    def _add_audio(self, offer: AudioOffer, video: RTCRtpTransceiver) -> None:
        """Add the audio transceiver, before setRemoteDescription of an offer with Opus audio."""
        direction = DIRECTIONS[self.audio_in is not None, self.audio_out is not None]
        audio = self.pc.addTransceiver(self.audio_out or "audio", direction)
        audio.setCodecPreferences(opus_codecs())
        offer.bind(audio)
        report_from_first_packet(audio.sender)
        if self.audio_in is not None:
            self.audio = AudioReceiver(audio.receiver, video.receiver, self.audio_in)

    def _handle_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self.video is not None and not self.video.started:
            self.video.start(track)
        else:
            self._tasks.start(discard(track), "discard a track")

    def _take_frame(self, frame: av.VideoFrame, arrived: float, now: float, colours: ColourSpace | None) -> None:
        assert self.on_frame is not None
        self.last_activity = now
        self.started = True
        if self.audio is not None and frame.pts is not None:
            self.audio.frame_arrived(frame.pts, now)
        self.on_frame(frame, arrived, now, colours)

    def _record_activity(self) -> None:
        self.last_activity = time.monotonic()
        self.started = True

    def _reported(self) -> None:
        if self.on_frame is None:  # for a peer that sends video, reports alone are no activity
            self._record_activity()

    def _record_ping(self) -> None:
        self.last_activity = time.monotonic()

    def _handle_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "telemetry":
            self.telemetry.attach(channel)
        elif channel.label == "control" and self.on_control is not None:
            self.on_control(channel)

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
