"""A WHIP publisher based on aiortc, whose offer, answer and video can be changed by a test."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import av
import httpx2
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack
from aiortc.rtcdtlstransport import RTCCertificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from server.media.h264 import CLOCK_RATE
from tests.server.live import Camera

SDP = {"Content-Type": "application/sdp"}
START_CODE = b"\0\0\0\1"


class H264Camera(VideoStreamTrack):
    """30 grey frames per second as H.264, with a keyframe every half second."""

    def __init__(self, size: tuple[int, int] = (320, 192), luma: int = 60, *, in_band: bool = True) -> None:
        """`in_band`: parameter sets precede each keyframe; else they are only in `parameter_sets`."""
        super().__init__()
        codec = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = *size, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, CLOCK_RATE), Fraction(30)
        codec.gop_size, codec.max_b_frames, codec.profile = 15, 0, "Baseline"
        codec.options = {"preset": "ultrafast", "tune": "zerolatency"}
        if not in_band:
            codec.flags |= av.codec.context.Flags.global_header
        codec.open()
        units = re.split(b"\0\0\0?\1", codec.extradata or b"")
        self.parameter_sets = [unit for unit in units if unit and unit[0] & 31 in (7, 8)]
        self.codec, self.size, self.luma = codec, size, luma

    async def recv(self) -> av.Packet:
        pts, time_base = await self.next_timestamp()
        planes = np.full((self.size[1] * 3 // 2, self.size[0]), 128, np.uint8)
        planes[: self.size[1]] = self.luma
        planes[:16, pts // 3000 % 256 : pts // 3000 % 256 + 16] = 200
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        [packet] = self.codec.encode(frame)
        return packet


class Publisher:
    """`async with`: publishes under a name until it is closed, without DELETE."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        name: str,
        camera: MediaStreamTrack | None = None,
        *,
        change_offer: Callable[[str], str] = str,
        change_answer: Callable[[str], str] = str,
        codec: str | None = None,
        path: str = "/api/v1/whip",
    ) -> None:
        """`change_offer` changes the offer, `change_answer` the answer; `codec` is the only one offered."""
        self.client = client
        self.name = name
        self.camera = camera or Camera()
        self.change_offer = change_offer
        self.change_answer = change_answer
        self.codec = codec
        self.path = path
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.reply: httpx2.Response

    async def __aenter__(self) -> "Publisher":
        transceiver = self.pc.addTransceiver(self.camera, direction="sendonly")
        if self.codec is not None:
            known = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([capability for capability in known if capability.name == self.codec])
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = self.change_offer(self.pc.localDescription.sdp)
        address = f"{self.path}?session={self.name}"
        self.reply = await self.client.post(address, content=offer, headers=SDP)
        if self.reply.status_code == 201:
            await self.pc.setRemoteDescription(RTCSessionDescription(self.change_answer(self.reply.text), "answer"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()

    async def status(self) -> dict:
        reply = await self.client.get(f"/api/v1/sessions/{self.name}")
        assert reply.status_code == 200, reply.text
        return reply.json()


def rsa_certificate() -> RTCCertificate:
    """A certificate like GStreamer's."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "publisher")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1)).sign(key, hashes.SHA256())
    return RTCCertificate(key=key, cert=signed)
