"""Malformed input of clients: any size, garbage, floods; and encoders that fail."""

import asyncio
import os
import socket
import sys
import threading

import av
import numpy as np
import pytest
from aiortc import RTCRtpSender, VideoStreamTrack
from av.video.frame import PictureType

from harness.echo import Echo, write_preset
from harness.impaired_link import ImpairedLink, impair_connection
from harness.local import free_port
from server.api.app import SWITCH_S
from server.media import h264, video_format
from server.media.sender_feedback import attach_feedback_handlers
from server.settings import Settings
from tests.server.live import RunningServer, Viewer, eventually
from tests.server.media.test_impaired_link import FREEZE_S, longest_gap

SIZE = (320, 192)
SIZES = [(160, 120), (120, 160), (161, 121), (640, 360), (17, 33), (320, 192)]
FLOOD = 3000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=SIZE[0], height=SIZE[1])
    with RunningServer(Settings(port=free_port(), preset=str(preset)), Echo()) as running:
        yield running


async def begin(client, viewer: Viewer, codec: str = "video/H264"):
    """A session whose page accepts this codec only."""
    sdp_of = viewer.pc.addTrack

    def add_track(track):
        sender = sdp_of(track)
        (transceiver,) = viewer.pc.getTransceivers()
        known = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences(
            [supported for supported in known if supported.mimeType in (codec, "video/rtx")]
        )
        return sender

    viewer.pc.addTrack = add_track
    assert (await viewer.start()).status_code == 201
    return viewer


async def end(client, viewer: Viewer) -> None:
    assert (await client.delete(f"/api/v1/sessions/{viewer.id}")).status_code == 204
    await viewer.close()


class Sizes(VideoStreamTrack):
    """A camera that is rotated, and changes its size every few frames."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        width, height = SIZES[self.count // 15 % len(SIZES)]
        self.count += 1
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 60, np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


async def test_the_frame_size_may_change_and_be_odd(client):
    camera = Sizes()
    viewer = await begin(client, Viewer(client, camera), "video/VP8")
    await eventually(lambda: camera.count > 15 * (len(SIZES) + 1))
    await viewer.receives(15)
    assert set(viewer.sizes) == {SIZE}
    assert (await viewer.status())["state"] == "live"
    await end(client, viewer)


class Broken(VideoStreamTrack):
    """Sends undecodable packets until a keyframe is requested."""

    def __init__(self) -> None:
        super().__init__()
        self.keyframe_requested, self.count = False, 0
        self.encoder = h264.H264Encoder(*SIZE, 1_000_000)

    async def recv(self) -> av.Packet:
        pts, time_base = await self.next_timestamp()
        self.count += 1
        if self.keyframe_requested:
            frame = av.VideoFrame(*SIZE, "yuv420p")
            frame.pts, frame.time_base = pts, time_base
            frame.pict_type = PictureType.I
            return self.encoder.encode(frame, keyframe=True)
        packet = av.Packet(b"\0\0\0\1\x41" + os.urandom(900))  # a slice without parameter sets and keyframe
        packet.pts, packet.time_base = pts, time_base
        return packet


async def test_undecodable_frames_cause_a_keyframe_request(client):
    camera = Broken()
    viewer = await begin(client, Viewer(client, camera))

    def request_keyframe() -> None:
        camera.keyframe_requested = True

    attach_feedback_handlers(viewer.pc.getSenders()[0], print, print, request_keyframe, lambda: None)
    await viewer.receives(8)
    assert camera.keyframe_requested
    await end(client, viewer)


async def test_garbage_at_the_media_port_is_ignored(server, client):
    viewer = await begin(client, Viewer(client))
    await viewer.receives(8)
    session = server.app.state.sessions.handles[viewer.id]
    transport = session.peer.pc.getTransceivers()[0].receiver.transport.transport
    ports = {
        (candidate.ip, candidate.port)
        for candidate in transport.iceGatherer.getLocalCandidates()
        if candidate.ip == "127.0.0.1"
    }
    assert ports
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for i in range(FLOOD):
            first = bytes([(0, 22, 128, 200)[i % 4]])  # looks like STUN, DTLS, RTP or nothing
            stranger.sendto(first + os.urandom(i % 1200), next(iter(ports)))
    await viewer.receives(15)
    incoming = ImpairedLink()
    outgoing = ImpairedLink(duplicated=1.0)  # and replayed packets
    impair_connection(viewer.pc, incoming, outgoing)
    await viewer.receives(15)
    assert (await viewer.status())["state"] == "live"
    await end(client, viewer)


async def test_a_flood_on_the_data_channels_does_not_stop_the_video(client):
    viewer = Viewer(client)
    await viewer.offer()
    control = viewer.pc.createDataChannel("control")
    replies: list[str] = []
    control.on("message", replies.append)
    viewer.offer = lambda: asyncio.sleep(0, viewer.pc.localDescription.sdp)
    assert (await viewer.start()).status_code == 201
    await eventually(lambda: control.readyState == "open" and viewer.channel.readyState == "open")
    await viewer.receives(8)
    for _ in range(FLOOD // 100):
        for _ in range(50):
            control.send("x" * 1000)
            viewer.channel.send("{" * 1000)
        viewer.channel.send("[" * 9000)
        viewer.channel.send(f'{{"playout_ms": {"9" * 400}}}')
        await asyncio.sleep(0.02)
    assert await longest_gap(viewer, 1.0) < FREEZE_S
    await eventually(lambda: len(replies) > FLOOD // 4)
    assert (await viewer.status())["state"] == "live"
    await end(client, viewer)


async def test_a_busy_thread_does_not_stop_the_video(client):
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    viewer, tired = await begin(client, Viewer(client)), threading.Event()

    def work() -> None:
        while not tired.is_set():
            sum(range(1000))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        await viewer.receives(8)
        assert await longest_gap(viewer, 1.5) < FREEZE_S
    finally:
        tired.set()
        thread.join()
    await end(client, viewer)


async def test_a_page_with_vp8_only_is_served(client):
    viewer = await begin(client, Viewer(client), "video/VP8")
    await viewer.receives(15)
    assert "VP8/90000" in viewer.pc.remoteDescription.sdp
    assert "H264/90000" not in viewer.pc.remoteDescription.sdp
    await end(client, viewer)


async def test_video_is_vp8_without_an_h264_encoder(client, monkeypatch):
    monkeypatch.setattr(video_format, "h264_encoder", lambda: None)
    viewer = Viewer(client)
    assert (await viewer.start()).status_code == 201
    answer = viewer.pc.remoteDescription.sdp
    assert answer.index("VP8/90000") < (answer.find("H264/90000") % len(answer))
    await viewer.receives(15)
    await end(client, viewer)


def test_the_next_encoder_is_used_if_one_does_not_open(monkeypatch):
    encoders = {"h264_of_tomorrow": {}, "h264_nvenc": h264.ENCODERS["h264_nvenc"], "libx264": h264.ENCODERS["libx264"]}
    monkeypatch.setattr(h264, "ENCODERS", encoders)
    h264.h264_encoder.cache_clear()
    try:
        assert h264.h264_encoder() in ("h264_nvenc", "libx264")
        monkeypatch.setattr(h264, "h264_encoder", lambda: "h264_nvenc")  # no capacity for another stream
        opened = h264.open_encoder(*SIZE, 1_000_000)
        packet = opened.encode(av.VideoFrame(*SIZE, "yuv420p"), keyframe=True)
        assert packet.is_keyframe
    finally:
        monkeypatch.undo()
        h264.h264_encoder.cache_clear()


async def test_a_failed_encoder_is_replaced(client, monkeypatch):
    viewer = await begin(client, Viewer(client))
    await viewer.receives(8)
    encode, used = h264.H264Encoder.encode, []

    def fail_once(encoder: h264.H264Encoder, frame: av.VideoFrame, *, keyframe: bool) -> av.Packet:
        used.append(encoder)
        if len(used) == 1:
            raise av.error.ExternalError(1, "the GPU was removed")
        return encode(encoder, frame, keyframe=keyframe)

    monkeypatch.setattr(h264.H264Encoder, "encode", fail_once)
    await viewer.receives(15)
    assert used[-1] is used[1] is not used[0]
    await end(client, viewer)
