"""One connection: a camera's or publisher's video in, the edited video out, or both."""

import asyncio
import json
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
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription
from aiortc.stats import RTCRemoteInboundRtpStreamStats

from server.errors import NoCodec, NoRoute, SessionNotFound
from server.ice import ice_servers
from server.media.answer_sdp import with_public_address, with_start_bitrate
from server.media.audio.broadcast import AudioBroadcast
from server.media.audio.offer import AudioOffer
from server.media.audio.receiver import AudioReceiver
from server.media.audio.sender import report_from_first_packet
from server.media.audio.track import AudioTrack
from server.media.codecs import opus_alone, preferred_codecs
from server.media.colour_space import ColourSpace
from server.media.dtls import dtls_failure
from server.media.edited_track import EditedTrack
from server.media.json_messages import read_json
from server.media.rate_control import RateControl
from server.media.remote_candidates import RemoteCandidates
from server.media.sender_feedback import attach_feedback_handlers
from server.media.trickle import Trickle
from server.media.video_offer import read_video_offer
from server.media.video_receiver import NO_VIDEO_S, OnFrame, VideoReceiver
from server.settings import Settings
from server.supervisor import Supervisor

log = logging.getLogger(__name__)

CLOSE_S = 3.0  # closing joins threads of aiortc; it is not waited for longer
MOST_UNSENT = 65_536  # bytes in a data channel; telemetry that does not fit is not worth keeping
MAX_PLAYOUT_MS = 60_000  # a page that says more is wrong
DIRECTIONS = {(True, True): "sendrecv", (True, False): "recvonly", (False, True): "sendonly"}

OnChannel = Callable[[RTCDataChannel], None]


class Peer:
    """Wraps an RTCPeerConnection. Whatever arrives is taken at once: a queue that nobody empties grows without end."""

    def __init__(
        self,
        settings: Settings,
        on_gone: Callable[[str], None],
        *,
        track: EditedTrack | None = None,
        on_frame: OnFrame | None = None,
        on_control: OnChannel | None = None,
        on_undecodable: Callable[[], None] = lambda: None,
        audio_in: AudioBroadcast | None = None,
        audio_out: AudioTrack | None = None,
    ) -> None:
        """`track` goes out; `on_frame` gets what comes in, as `OnFrame` says.

        `audio_in` is given the sound that comes in, `audio_out` goes out, where the offer has audio for them.
        `on_undecodable` is told of every frame that came in and cannot be decoded.
        `on_control` is given the data channel of that name. `on_gone` is told once why the connection has ended.
        """
        self.settings, self.on_frame, self.on_gone, self.track = settings, on_frame, on_gone, track
        self.on_control, self.on_undecodable = on_control, on_undecodable
        self.audio_in, self.audio_out = audio_in, audio_out
        self.sound: AudioReceiver | None = None
        self.id, self.etag = secrets.token_urlsafe(12), f'"{secrets.token_hex(8)}"'
        self.video: VideoReceiver | None = None
        self.created_at = self.last_activity = time.monotonic()  # heard: when the last frame, ping or report arrived
        self.started = False  # video has come, or was asked for
        self.playout_s: float | None = None  # what the page says of its jitter buffer and decoder
        known = ice_servers(settings, "server")
        servers = [RTCIceServer(urls=one.url, username=one.username, credential=one.credential) for one in known]
        self._relays = [one.url for one in known if one.url.startswith("turn")]
        # an explicit list, if empty: aiortc's default asks a public STUN server
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self.candidates = RemoteCandidates(self.pc)
        self._tasks = Supervisor(self._gone)
        self._telemetry: RTCDataChannel | None = None
        self._sender: RTCRtpSender | None = None
        self._closed = False
        self._setup = asyncio.Lock()  # what the answer opens can be closed when it stands, no sooner
        for outgoing in (track, audio_out):
            if outgoing is not None:
                outgoing.on("ended", self._sender_ended)
        self.pc.on("track", self._begin)
        self.pc.on("datachannel", self._channel)
        self.pc.on("connectionstatechange", self._state_changed)

    async def answer(self, sdp: str) -> str:
        """Take an offer that `check_offer` has passed, and return the answer.

        Raises `NoCodec` or `NoRoute`; `SessionNotFound` where it was closed meanwhile.
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
        # before the offer is taken: aiortc settles the codecs then
        transceiver.setCodecPreferences(preferred_codecs())
        if self.on_frame is not None:
            self.video = VideoReceiver(transceiver.receiver, offer, self._take_frame, self.on_undecodable, self._gone)
        if audio_offer.audio is not None:
            self._add_sound(audio_offer, transceiver)
        try:
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=offer.sdp, type="offer"))
        except Exception as error:  # aiortc fails in many ways on what it cannot use
            raise NoCodec(f"the offer cannot be used ({type(error).__name__}: {error})") from error
        try:
            await self.pc.setLocalDescription(await self.pc.createAnswer())
        except Exception as error:  # no codec in common, no direction in common
            raise NoCodec(f"the offer cannot be answered ({type(error).__name__}: {error})") from error
        answer = self.pc.localDescription.sdp
        if self._relays and "typ relay" not in answer:
            log.warning("no relay address from %s: is it up, and the login right?", ", ".join(self._relays))
        if self.video is not None:
            self.video.unexpected.watch(transceiver.receiver.transport)  # bundled: which one is known now
        self._tune(transceiver, answer)
        self.candidates.add(offer.candidates)
        answer = with_start_bitrate(offer.complete(answer), self.settings.camera_start_bitrate)
        if self.settings.public_ip is not None:
            answer = with_public_address(answer, self.settings.public_ip)
        if "a=candidate" not in answer:
            raise NoRoute("no network address to offer: check the UDP ports and the ICE servers")
        return audio_offer.complete(answer)

    async def add_candidates(self, trickle: Trickle) -> None:
        """The other side's addresses that it found after its offer; raises `BadOffer` for an ICE restart."""
        trickle.check(self.pc)
        self.candidates.add(trickle.candidates)

    def problem(self, now: float) -> str | None:
        """Why nothing has come over the connection for a while; asked once a second."""
        if problem := self._network_problem():
            return problem if now - self.created_at > NO_VIDEO_S else None
        return None if self.video is None else self.video.problem(now)

    def _network_problem(self) -> str | None:
        """What is not yet, or could not be, set up."""
        transport = self.pc.getTransceivers()[0].receiver.transport
        if failure := dtls_failure(transport):
            return f"the encryption (DTLS) could not be set up: {failure}"
        if self.pc.iceConnectionState != "completed":
            return f"no way through the network to the other side was found: {self.candidates}"
        if transport.state not in ("connected", "closed"):
            return "the other side does not answer the set-up of the encryption (DTLS)"
        return None

    async def round_trip_s(self) -> float | None:
        """Of the way to the other side, by RTCP; None while no report has come."""
        if self._sender is None:
            return None
        found = (await self._sender.getStats()).values()
        times = [one.roundTripTime for one in found if isinstance(one, RTCRemoteInboundRtpStreamStats)]
        return next((seconds for seconds in times if seconds is not None), None)

    def send_telemetry(self, telemetry: dict[str, object]) -> None:
        """Send telemetry where the page has opened the channel."""
        channel = self._telemetry
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < MOST_UNSENT:
            channel.send(json.dumps(telemetry))

    async def close(self) -> None:
        """Free everything; safe to call twice."""
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

    def _tune(self, transceiver: RTCRtpTransceiver, answer: str) -> None:
        """Put our own encoder and rate control in place of aiortc's."""
        media = next(media for media in SessionDescription.parse(answer).media if media.kind == "video")
        if self.track is None:
            return
        self._sender, settings = transceiver.sender, self.settings
        start = max(settings.start_bitrate, min(round(self.track.stream.bitrate), settings.max_bitrate))
        control = RateControl(start, settings.min_bitrate, settings.max_bitrate)
        if media.rtp.codecs[0].mimeType == "video/H264":  # aiortc's VP8 encoder follows the estimate by itself
            self.track.encode_at(control)
        listeners = (control.reported, control.estimated, self.track.request_keyframe, self._reported)
        attach_feedback_handlers(transceiver.sender, *listeners)

    def _add_sound(self, offer: AudioOffer, video: RTCRtpTransceiver) -> None:
        """Before the offer is taken, which has audio that can be passed on."""
        direction = DIRECTIONS[self.audio_in is not None, self.audio_out is not None]
        audio = self.pc.addTransceiver(self.audio_out or "audio", direction)
        audio.setCodecPreferences(opus_alone())
        offer.bind(audio)
        report_from_first_packet(audio.sender)
        if self.audio_in is not None:
            self.sound = AudioReceiver(audio.receiver, video.receiver, self.audio_in)

    def _begin(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self.video is not None and not self.video.started:
            self.video.start(track)
        else:
            self._tasks.start(_discard(track), "discard a track")

    def _take_frame(self, frame: av.VideoFrame, arrived: float, now: float, colours: ColourSpace | None) -> None:
        assert self.on_frame is not None
        self.last_activity, self.started = now, True
        if self.sound is not None and frame.pts is not None:
            self.sound.picture(frame.pts, now)
        self.on_frame(frame, arrived, now, colours)

    def _hear(self) -> None:
        self.last_activity, self.started = time.monotonic(), True

    def _reported(self) -> None:
        if self.on_frame is None:  # who sends video has to send it, not only reports
            self._hear()

    def _channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "telemetry":
            self._telemetry = channel
            channel.on("message", self._ping)
        elif channel.label == "control" and self.on_control is not None:
            self.on_control(channel)

    def _ping(self, message: str | bytes) -> None:
        """The page is there, even where its camera gives nothing; it may say how long it holds a frame."""
        self.last_activity = time.monotonic()
        told = read_json(message)
        held = told.get("playout_ms") if isinstance(told, dict) else None
        if isinstance(held, (int, float)):  # else a ping alone
            self.playout_s = held / 1000 if 0 <= held <= MAX_PLAYOUT_MS else None

    def _state_changed(self) -> None:
        if self.pc.connectionState in ("failed", "closed"):
            lost = "it was closed by the other side, or nothing came through any more"
            why = lost if self.started else self._network_problem() or lost
            self._gone(f"the connection has ended: {why}")

    def _sender_ended(self) -> None:
        """aiortc stops a track when it fails to send it, and tells nobody."""
        if not self._closed:
            self._gone(self._network_problem() or "sending video or sound has ended by an error")

    def _gone(self, why: str) -> None:
        if not self._closed:
            self.on_gone(why)


async def _discard(track: MediaStreamTrack) -> None:
    """Sound, or video that nobody asked for."""
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        return
