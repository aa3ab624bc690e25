"""Sessions over links with packet loss, reordering, duplication and blackouts in both directions."""

import asyncio
from contextlib import asynccontextmanager

import av
import numpy as np
import pytest
from aiortc import VideoStreamTrack
from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket, pack_remb_fci

from harness.echo import Echo, write_preset
from harness.impaired_link import ImpairedLink, impair_connection
from harness.local import free_port
from server.media.broadcast import MIN_KEYFRAME_INTERVAL_S
from server.media.loss_repair import LossRepair
from server.settings import Settings
from tests.server.live import RunningServer, Viewer, eventually

SIZE = (320, 192)
OBSERVE_S = 2.0
FREEZE_S = 3 * 0.5  # the target is 0.5 s


class NoiseTrack(VideoStreamTrack):
    """Frames of several packets each, 30 per second."""

    def __init__(self) -> None:
        super().__init__()
        rng, shape = np.random.default_rng(0), (SIZE[1] * 3 // 2, SIZE[0])
        self.pictures = [rng.integers(64, 192, shape, np.uint8) for _ in range(8)]
        self.count = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        self.count += 1
        frame = av.VideoFrame.from_ndarray(self.pictures[self.count % 8], format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame


class RepairingViewer(Viewer):
    """A viewer with loss repair, like a browser."""

    async def offer(self) -> str:
        sdp = await super().offer()
        self.repair = LossRepair(self.pc.getReceivers()[0])
        return sdp

    async def close(self) -> None:
        self.repair.stop()
        await super().close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    preset = write_preset(tmp_path_factory.mktemp("preset"), width=SIZE[0], height=SIZE[1])
    with RunningServer(Settings(port=free_port(), preset=str(preset)), Echo()) as running:
        yield running


@asynccontextmanager
async def session_over(server, incoming: ImpairedLink, outgoing: ImpairedLink):
    """A session over these links: the viewer and the server's session handle."""
    async with server.ready() as client:
        viewer = RepairingViewer(client, NoiseTrack())
        assert (await viewer.start()).status_code == 201
        await viewer.receives(15)
        impair_connection(viewer.pc, incoming, outgoing)
        yield viewer, server.app.state.sessions.handles[viewer.id]
        await client.delete(f"/api/v1/sessions/{viewer.id}")
        await viewer.close()


async def longest_gap(viewer: Viewer, seconds: float = OBSERVE_S) -> float:
    """Between edited frames that arrive from now on, seconds."""
    first = len(viewer.arrived) - 1
    await asyncio.sleep(seconds)
    return max(np.diff([at for at, _ in viewer.arrived[first:]]), default=seconds)


@pytest.mark.parametrize("loss", [0.01, 0.03, 0.1])
async def test_packet_loss_in_either_direction_does_not_freeze_the_video(server, loss):
    incoming, outgoing = ImpairedLink(loss, seed=1), ImpairedLink(loss, seed=2)
    async with session_over(server, incoming, outgoing) as (viewer, session):
        keyframes = session.frames.counters.keyframes
        assert await longest_gap(viewer) < FREEZE_S
        assert session.frames.counters.keyframes - keyframes <= OBSERVE_S / MIN_KEYFRAME_INTERVAL_S
    assert incoming.lost > 0
    assert outgoing.lost > 0


async def test_lost_retransmissions_are_requested_again(server):
    incoming, outgoing = ImpairedLink(0.03, seed=3), ImpairedLink(0.03, seed=4)
    incoming.retransmission_loss = outgoing.retransmission_loss = 0.5
    async with session_over(server, incoming, outgoing) as (viewer, session):
        assert await longest_gap(viewer) < FREEZE_S
        assert session.frames.counters.nacks_sent > 0
    assert incoming.lost_retransmissions + outgoing.lost_retransmissions > 0


async def test_reordered_and_duplicated_packets_need_no_keyframe(server):
    incoming = ImpairedLink(reordered=0.1, duplicated=0.1, seed=5)
    outgoing = ImpairedLink(reordered=0.1, duplicated=0.1, seed=6)
    async with session_over(server, incoming, outgoing) as (viewer, session):
        keyframes = session.frames.counters.keyframes
        timeouts = session.frames.counters.nack_timeouts
        assert await longest_gap(viewer) < FREEZE_S
        stamps = [stamp for _, stamp in viewer.arrived]
        assert stamps == sorted(set(stamps))
        assert session.frames.counters.keyframes == keyframes
        assert session.frames.counters.nack_timeouts == timeouts


async def test_session_recovers_from_a_blackout_of_two_seconds(server):
    incoming, outgoing = ImpairedLink(), ImpairedLink()
    async with session_over(server, incoming, outgoing) as (viewer, session):
        incoming.blackout = outgoing.blackout = True
        await asyncio.sleep(2.0)
        received = len(viewer.arrived)
        incoming.blackout = outgoing.blackout = False
        await eventually(lambda: len(viewer.arrived) > received + 30)
        assert viewer.arrived[received][0] - viewer.arrived[received - 1][0] < 2.0 + 3 * 1.0
        assert (await viewer.status())["state"] == "live"
        assert session.peer is not None
        assert await longest_gap(viewer, 1.0) < FREEZE_S


async def test_keyframe_requests_are_merged_and_a_new_bitrate_needs_no_keyframe(server):
    async with session_over(server, ImpairedLink(), ImpairedLink()) as (viewer, session):
        receiver, keyframes = viewer.pc.getReceivers()[0], session.frames.counters.keyframes
        ssrc = session.peer.sender.sender._ssrc
        for i in range(40):
            remb = pack_remb_fci((400_000, 3_000_000)[i % 2], [ssrc])
            await receiver._send_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=remb))
            await asyncio.sleep(0.025)
        await eventually(lambda: session.peer.media.track.rate.target in (400_000, 3_000_000))
        assert session.frames.counters.keyframes == keyframes
        for _ in range(40):
            await receiver._send_rtcp_pli(ssrc)
            await asyncio.sleep(0.025)
        await eventually(lambda: session.frames.counters.keyframes > keyframes)
        # two per second plus margin for a busy machine; forty were requested
        assert session.frames.counters.keyframes - keyframes < 10
