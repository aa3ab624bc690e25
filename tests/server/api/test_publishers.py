"""Publishers with all kinds of offers and streams: they are connected, or the reason for missing video is reported."""

import asyncio
import base64
import logging
import random
import re
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from aioice.mdns import MDnsProtocol
from aiortc import MediaStreamTrack
from aiortc.codecs.h264 import H264Encoder
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import RtpPacket

from harness.echo import Echo, write_preset
from harness.local import free_port
from server.media.slate import slate
from server.settings import Settings
from tests.server.api.publisher import H264Camera, Publisher, rsa_certificate
from tests.server.api.whip_client import Watcher
from tests.server.live import TIMEOUT_S, RunningServer

SIZE = (320, 192)
CANDIDATE = re.compile(r"(a=candidate:\S+ \d+ udp \d+) \S+ \d+ (typ host)")
HIDDEN = r"\1 11111111-1111-4222-8333-444444444444.local 50000 \2"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=SIZE[0], height=SIZE[1])
    settings = Settings(port=free_port(), preset=str(preset), silence_timeout_s=1.5, max_sessions=8)
    with RunningServer(settings, Echo()) as running:
        yield running


async def until(publisher: Publisher, holds: Callable[[dict], bool]) -> dict:
    """The session's status, once the condition is true."""
    async with asyncio.timeout(TIMEOUT_S):
        while not holds(status := await publisher.status()):
            await asyncio.sleep(0.05)
    return status


async def live(publisher: Publisher) -> dict:
    assert publisher.reply.status_code == 201, publisher.reply.text
    return await until(publisher, lambda status: status["state"] == "live")


async def end(client, name: str) -> None:
    assert (await client.delete(f"/api/v1/whip/{name}")).status_code == 200


async def test_a_publisher_with_an_rsa_certificate_connects(client, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(RTCCertificate, "generateCertificate", classmethod(lambda _: rsa_certificate()))
        publisher = Publisher(client, "rsa")
    async with publisher:
        await live(publisher)
        await end(client, "rsa")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("hidden", lambda sdp: CANDIDATE.sub(HIDDEN, sdp)),
        ("open", lambda sdp: CANDIDATE.sub(HIDDEN, sdp).replace("a=end-of-candidates\r\n", "")),
        ("tcp", lambda sdp: sdp.replace(" udp ", " tcp ")),
        ("none", lambda sdp: re.sub(r"a=candidate.*\r\n", "", sdp)),
        ("many", lambda sdp: CANDIDATE.sub(lambda m: m.expand(HIDDEN).replace("4444", str(m.start())), sdp)),
    ],
)
async def test_unusable_candidates_neither_delay_nor_prevent_a_connection(client, monkeypatch, name, change):
    async def never_resolve(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(MDnsProtocol, "resolve", never_resolve)
    async with asyncio.timeout(TIMEOUT_S), Publisher(client, name, change_offer=change) as publisher:
        await live(publisher)
        await end(client, name)


def with_sets(camera: H264Camera) -> Callable[[str], str]:
    sets = ",".join(base64.b64encode(unit).decode() for unit in camera.parameter_sets)
    return lambda sdp: re.sub(
        r"(a=fmtp:\d+ [^\r]*packetization-mode=1[^\r]*)", rf"\1; sprop-parameter-sets={sets}", sdp
    )


async def test_parameter_sets_may_be_in_the_sdp_only(client):
    camera = H264Camera(in_band=False)
    async with Publisher(client, "sprop", camera, change_offer=with_sets(camera), codec="H264") as publisher:
        await live(publisher)
        await end(client, "sprop")


class Silent(MediaStreamTrack):
    """A track without frames."""

    kind = "video"

    async def recv(self) -> None:
        await asyncio.Event().wait()


def forged(sdp: str) -> str:
    """The publisher's certificate does not match the offer's fingerprint."""
    other = "AA:" * 31 + "AA"
    sha256_only = re.sub(r"a=fingerprint:sha-(384|512).*\r\n", "", sdp)
    return re.sub(r"(a=fingerprint:sha-256 )\S+", rf"\1{other}", sha256_only)


def unreachable(sdp: str) -> str:
    """The publisher ignores the answer, so that no packet reaches the server."""
    return re.sub("a=ice-pwd:.*", "a=ice-pwd:" + "x" * 24, CANDIDATE.sub(HIDDEN, sdp))


def renumbered(sdp: str) -> str:
    """The publisher sends a payload type that was not negotiated."""
    negotiated = re.search(r"m=video \d+ \S+ (\d+)", sdp)[1]
    # only in these lines: a byte of the fingerprint can have the same two digits
    lines = re.compile(r"^(m=video|a=rtpmap|a=fmtp|a=rtcp-fb).*", re.MULTILINE)
    return lines.sub(lambda line: re.sub(rf"\b{negotiated}\b", "120", line[0]), sdp)


def without_dtls(publisher: Publisher) -> None:
    """The publisher never starts the DTLS handshake."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    def change_answer(sdp: str) -> str:
        publisher.pc.getSenders()[0].transport.start = never
        return sdp

    publisher.change_answer = change_answer


async def test_missing_video_has_a_reason(client, caplog):
    """The session's `reason` names the problem, also after the connection has ended."""
    caplog.set_level(logging.INFO)

    async def reason(
        name: str, expected: str, prepare: Callable[[Publisher], None] = lambda _: None, **publisher_options: object
    ) -> None:
        publisher = Publisher(client, name, **publisher_options)
        prepare(publisher)
        async with publisher:
            status = await until(publisher, lambda status: expected in (status["reason"] or ""))
            assert status["state"] in ("connecting", "parked", "stalled")
            assert expected in caplog.text
        await client.delete(f"/api/v1/whip/{name}")

    undecodable = H264Camera(in_band=False)
    work: list[Awaitable[None]] = [
        reason("undecodable", "cannot be decoded (H264", camera=undecodable, codec="H264"),
        reason("forged", "DTLS", change_offer=forged),
        reason("renumbered", "was not negotiated (RTP payload type 120)", change_answer=renumbered, codec="VP8"),
        reason("dtls", "does not answer the DTLS handshake", without_dtls),
        reason("silent", "no video is received", camera=Silent()),
        reason("unreachable", "444444444444.local", change_offer=unreachable),
    ]
    await asyncio.gather(*work)


async def test_frames_that_cannot_be_decoded_are_counted(client):
    camera = H264Camera(in_band=False)
    async with Publisher(client, "count", camera, codec="H264") as publisher:
        first = await until(publisher, lambda status: status["stats"]["undecodable_frames"] > 5)
        later = await until(publisher, lambda status: status["stats"]["undecodable_frames"] > 10)
        assert later["stats"]["undecodable_frames"] > first["stats"]["undecodable_frames"]
        await publisher.pc.close()
    camera = H264Camera()
    async with Publisher(client, "count", camera, codec="H264") as publisher:
        again = await live(publisher)
        assert again["stats"]["undecodable_frames"] >= later["stats"]["undecodable_frames"]  # counters never decrease
        await end(client, "count")


@pytest.mark.parametrize("named", [True, False])
async def test_one_of_two_streams_with_the_same_payload_type_is_decoded(client, server, named):
    """An additional, unsignalled stream: another size, other content, its own sequence numbers."""
    camera, other = H264Camera(luma=60), H264Camera((160, 96), luma=220)
    name = f"layers-{named}"
    change_offer = str if named else lambda sdp: re.sub(r"a=ssrc.*\r\n", "", sdp)
    async with Publisher(client, name, camera, change_offer=change_offer, codec="H264") as publisher:
        await live(publisher)
        frames = server.app.state.sessions.handles[name].frames
        seen: list[float] = []
        fit = frames.fitter
        frames.fitter = lambda frame, *more: seen.append(frame.to_ndarray()[40:90].mean()) or fit(frame, *more)
        await asyncio.wait_for(send_beside(publisher, other, frames=45), TIMEOUT_S)
        assert len(seen) > 30
        assert np.allclose(seen, 60, atol=3), sorted(set(np.round(seen)))
        await end(client, name)


async def send_beside(publisher: Publisher, camera: H264Camera, frames: int) -> None:
    """The camera's frames as a further stream of the publisher's connection."""
    sender = publisher.pc.getSenders()[0]
    payload_type = int(re.search(r"m=video \d+ \S+ (\d+)", publisher.reply.text)[1])
    ssrc, sequence, packer = random.randrange(2**32), random.randrange(2**16), H264Encoder()
    for _ in range(frames):
        packet = await camera.recv()
        payloads, _ = packer.pack(packet)
        for i, payload in enumerate(payloads):
            rtp_packet = RtpPacket(payload_type=payload_type, sequence_number=sequence, timestamp=packet.pts % 2**32)
            rtp_packet.ssrc, rtp_packet.payload, rtp_packet.marker = ssrc, payload, int(i == len(payloads) - 1)
            sequence = (sequence + 1) % 2**16
            await sender.transport._send_rtp(rtp_packet.serialize())


async def test_viewers_stay_connected_while_a_publisher_reconnects(client):
    """They see the last frame, then the slate, then new frames, on one connection."""
    async with Publisher(client, "studio", H264Camera()) as publisher:
        await live(publisher)
        link = re.search(r"/api/v1/whep/studio\?token=([^>]+)>", publisher.reply.headers["Link"])
        watcher = Watcher(client)
        reply = await watcher.watch("studio", {"Authorization": f"Bearer {link[1]}"})
        assert reply.status_code == 201, reply.text
        await watcher.sees(10)
        last = watcher.frames[-1].to_ndarray()
    await until(publisher, lambda status: status["state"] == "parked")
    await watcher.sees(3)
    assert np.abs(watcher.frames[-1].to_ndarray().astype(int) - last)[40:90].mean() < 3
    card = slate(*SIZE).astype(int)
    async with asyncio.timeout(TIMEOUT_S):
        while np.abs(watcher.frames[-1].to_ndarray() - card).mean() > 5:
            await asyncio.sleep(0.1)
    async with Publisher(client, "studio", H264Camera(luma=200)) as publisher:
        await live(publisher)
        async with asyncio.timeout(TIMEOUT_S):
            while abs(watcher.frames[-1].to_ndarray()[40:90].mean() - (255 - 200)) > 5:
                await asyncio.sleep(0.1)
        await end(client, "studio")
        stopped = await publisher.status()
        assert (stopped["state"], stopped["viewers"]) == ("parked", 1)  # with viewers the session is parked
    await watcher.close()
    await client.delete("/api/v1/sessions/studio")
