"""Audio through the server: in sync with the video, unchanged, to all connections."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.sdp import SessionDescription

from harness.echo import Echo, write_preset
from harness.local import free_port
from server.settings import Settings
from tests.server.live import TIMEOUT_S, RunningServer, eventually
from tests.server.media.flash_click import ClickTrack, FlashSchedule, FlashTrack, Listener, delay_sender_reports

SDP = {"Content-Type": "application/sdp"}
IN_SYNC_MS = 60
TRIES = 4  # an idle machine needs one


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=128, height=96)
    settings = Settings(port=free_port(), preset=str(preset), view_token="view")
    with RunningServer(settings, Echo(0.1, whole_blocks=True)) as running:
        yield running


class Connection:
    """One peer of a call: its outgoing tracks, and a listener on the incoming ones."""

    def __init__(self, client, video: MediaStreamTrack | str, audio: MediaStreamTrack | str, direction: str) -> None:
        self.client, self.pc = client, RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.audio = self.pc.addTransceiver(audio, direction)
        self.listener = Listener(self.pc.addTransceiver(video, direction), self.audio)
        self.pc.on("track", self.listener.begin)

    async def post(self, path: str, *, json: bool = False):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = self.pc.localDescription.sdp
        if json:
            reply = await self.client.post(path, json={"type": "offer", "sdp": offer})
        else:
            watches = {"Authorization": "Bearer view"} if "whep" in path else {}
            reply = await self.client.post(path, content=offer, headers=SDP | watches)
        assert reply.status_code == 201, reply.text
        answer = reply.json()["sdp"] if json else reply.text
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return reply

    async def close(self) -> None:
        await self.pc.close()
        await self.listener.close()


@asynccontextmanager
async def connection(client, video="video", audio="audio", direction="recvonly"):
    connected = Connection(client, video, audio, direction)
    try:
        yield connected
    finally:
        await connected.close()


async def assert_in_sync(*listeners: Listener) -> None:
    """Assert that clicks arrive and are played with their flashes.

    A video frame delayed by a busy machine delays the audio from the next packet on: then two more clicks are measured.
    """
    for _ in range(TRIES):
        await asyncio.gather(*(listener.wait_for_clicks(2) for listener in listeners))
        offsets = [one for listener in listeners for one in listener.offsets_ms()]
        if max(abs(ms) for one in offsets for ms in one) < IN_SYNC_MS:
            return
    raise AssertionError(offsets)


async def wait_for_silence(listener: Listener) -> None:
    await asyncio.sleep(0.1)  # packets in flight
    heard = len(listener.audio.payloads)
    await asyncio.sleep(0.5)
    assert len(listener.audio.payloads) == heard


async def test_flash_and_click_stay_in_sync_and_a_pause_mutes_audio(client):
    schedule = FlashSchedule()
    async with connection(client, FlashTrack(schedule), ClickTrack(schedule), "sendrecv") as editor:
        session = (await editor.post("/api/v1/sessions", json=True)).json()["id"]
        await eventually(lambda: bool(editor.listener.flashes))
        async with connection(client) as viewer:
            await viewer.post(f"/api/v1/whep/{session}")
            await assert_in_sync(editor.listener, viewer.listener)
            parameters = f"/api/v1/sessions/{session}/parameters"
            assert (await client.patch(parameters, json={"paused": True})).status_code == 200
            await asyncio.gather(wait_for_silence(editor.listener), wait_for_silence(viewer.listener))
            assert (await client.patch(parameters, json={"paused": False})).status_code == 200
            await assert_in_sync(editor.listener, viewer.listener)
            sent = editor.audio.sender._RTCRtpSender__rtp_history.values()
            assert set(viewer.listener.audio.payloads[-20:]) <= {packet.payload for packet in sent}  # not re-encoded
            stats = (await client.get(f"/api/v1/sessions/{session}")).json()["stats"]
        assert stats["audio"]["received_packets"] > stats["audio"]["forwarded_packets"] > 0
        assert stats["audio"]["delay_ms"] == pytest.approx(stats["latency_ms"], abs=IN_SYNC_MS)
    await client.delete(f"/api/v1/sessions/{session}")


async def test_a_viewer_gets_audio_that_starts_late_and_continues_after_a_reconnection(client):
    """The first publisher sends audio later than the video of the same capture time, as its sender reports show."""
    async with connection(client) as viewer:
        listener = viewer.listener
        async with publishing(client, 0.15, muted=True) as clicks:
            await is_live(client, "studio")
            await viewer.post("/api/v1/whep/studio")
            await eventually(lambda: bool(listener.flashes))
            assert (listener.audio.at, listener.audio.reports) == ({}, [])
            clicks.muted = False
            await listener.wait_for_clicks(2)  # until the reports have arrived
            await assert_in_sync(listener)
        listener.audio.reports.clear()
        async with publishing(client):
            await assert_in_sync(listener)
            listener.audio.reports.clear()
            async with publishing(client):  # replaces a publisher that is still connected
                await assert_in_sync(listener)
    await client.delete("/api/v1/whip/studio")


@asynccontextmanager
async def publishing(client, late_s: float = 0.0, *, muted: bool = False):
    """A WHIP publisher with audio delayed by `late_s` and correct sender reports; yields its audio track."""
    schedule = FlashSchedule()
    clicks = ClickTrack(schedule, late_s, muted=muted)
    async with connection(client, FlashTrack(schedule), clicks, "sendonly") as publisher:
        delay_sender_reports(publisher.audio.sender, late_s)
        answer = (await publisher.post("/api/v1/whip?session=studio")).text
        assert answer.count("a=recvonly") == 2
        yield clicks


async def is_live(client, session: str) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while (await client.get(f"/api/v1/sessions/{session}")).json()["state"] != "live":
            await asyncio.sleep(0.05)


async def test_a_player_without_opus_gets_video_and_audio_is_rejected(client):
    pcmu = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/PCMU"]
    async with publishing(client), connection(client) as viewer:
        await is_live(client, "studio")
        viewer.audio.setCodecPreferences(pcmu)
        audio, video = SessionDescription.parse((await viewer.post("/api/v1/whep/studio")).text).media
        assert (audio.kind, audio.direction, audio.rtp.codecs[0].mimeType) == ("audio", "inactive", "audio/PCMU")
        assert (video.kind, video.direction) == ("video", "sendonly")
        await eventually(lambda: bool(viewer.listener.flashes))
        assert viewer.listener.audio.at == {}
    await client.delete("/api/v1/whip/studio")
