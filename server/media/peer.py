"""One browser's connection: its camera in, the edited video out."""

import asyncio
import json
import logging
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

from server.errors import BadOffer, NoRoute
from server.ice import ice_servers
from server.media import aiortc_patches
from server.media.answer_sdp import with_public_address, with_start_bitrate
from server.media.rate_control import RateControl
from server.media.tracks import EditedTrack
from server.settings import Settings

log = logging.getLogger(__name__)

CLOSE_S = 3.0  # closing joins threads of aiortc; it is not waited for longer
PREFERRED = ("video/H264", "video/rtx", "video/VP8")


class Peer:
    """Wraps an RTCPeerConnection. `on_frame` gets every camera frame with its arrival time, `on_gone` the end."""

    def __init__(
        self,
        settings: Settings,
        track: EditedTrack,
        on_frame: Callable[[av.VideoFrame, float], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self.settings, self.on_frame, self.on_gone, self.track = settings, on_frame, on_gone, track
        self.repair: aiortc_patches.LossRepair | None = None
        self.heard = time.monotonic()  # when the last frame or ping arrived
        self.started = False  # a frame has come
        servers = [
            RTCIceServer(urls=server.url, username=server.username, credential=server.credential)
            for server in ice_servers(settings, "server")
        ]
        # an explicit list, if empty: aiortc's default asks a public STUN server
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._drain: asyncio.Task[None] | None = None
        self._telemetry: RTCDataChannel | None = None
        self._closed = False
        self.pc.on("track", self._begin)
        self.pc.on("datachannel", self._channel)
        self.pc.on("connectionstatechange", self._state_changed)

    async def answer(self, sdp: str) -> str:
        """Take the offer and return the answer; raises `BadOffer` or `NoRoute`."""
        if not sdp.startswith("v="):
            raise BadOffer("the offer is not SDP: it must begin with v=0")
        if "m=video" not in sdp:
            raise BadOffer("the offer has no video")
        try:
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        except Exception as error:  # aiortc's parser fails in many ways on a malformed text
            raise BadOffer(f"the offer cannot be read ({type(error).__name__}: {error})") from error
        transceiver = next((t for t in self.pc.getTransceivers() if t.kind == "video"), None)
        if transceiver is None or self._drain is None:
            raise BadOffer("the offer sends no video")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        ordered = [codec for name in PREFERRED for codec in codecs if codec.mimeType == name]
        transceiver.setCodecPreferences(ordered)
        transceiver.direction = "sendrecv"
        transceiver.sender.replaceTrack(self.track)
        try:
            await self.pc.setLocalDescription(await self.pc.createAnswer())
        except Exception as error:  # no codec in common, no direction in common
            raise BadOffer(f"the offer cannot be answered ({type(error).__name__}: {error})") from error
        answer = self.pc.localDescription.sdp
        self._tune(transceiver, answer)
        answer = with_start_bitrate(answer, self.settings.camera_start_bitrate)
        if self.settings.public_ip is not None:
            answer = with_public_address(answer, self.settings.public_ip)
        if "a=candidate" not in answer:
            raise NoRoute("no network address to offer: check the UDP ports and the ICE servers")
        return answer

    def _tune(self, transceiver: RTCRtpTransceiver, answer: str) -> None:
        """Put our own encoder and loss repair in place of aiortc's."""
        media = next(media for media in SessionDescription.parse(answer).media if media.kind == "video")
        self.repair = aiortc_patches.LossRepair(transceiver.receiver)
        if media.rtp.codecs[0].mimeType != "video/H264":
            return  # aiortc's VP8 encoder follows the browser's estimate by itself
        control = RateControl(self.settings.start_bitrate, self.settings.min_bitrate, self.settings.max_bitrate)
        self.track.encode_at(control)
        aiortc_patches.hear_feedback(transceiver.sender, control.reported, control.estimated, self.track.want_keyframe)

    def say(self, telemetry: dict[str, object]) -> None:
        """Send telemetry where the page has opened the channel; what does not fit is not worth keeping."""
        channel = self._telemetry
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < 65_536:
            channel.send(json.dumps(telemetry))

    async def close(self) -> None:
        """Free everything; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.track.stop()
        if self._drain is not None:
            self._drain.cancel()
        if self.repair is not None:
            self.repair.stop()
        try:
            await asyncio.wait_for(self.pc.close(), CLOSE_S)
        except TimeoutError:
            log.warning("a peer did not close within %.0f s", CLOSE_S)

    def _begin(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self._drain is None:
            self._drain = asyncio.create_task(self._run(track), name="drain")

    async def _run(self, track: MediaStreamTrack) -> None:
        """Always take what arrives: a queue that nobody empties grows without end."""
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                self.heard, self.started = time.monotonic(), True
                self.on_frame(frame, self.heard)
        except MediaStreamError:
            self._gone("the camera's track has ended")

    def _channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "telemetry":
            self._telemetry = channel
            channel.on("message", lambda _: self._ping())

    def _ping(self) -> None:
        """The page is there, even where its camera gives nothing."""
        self.heard = time.monotonic()

    def _state_changed(self) -> None:
        if self.pc.connectionState in ("failed", "closed"):
            self._gone(f"the connection is {self.pc.connectionState}")

    def _gone(self, why: str) -> None:
        if not self._closed:
            self.on_gone(why)
