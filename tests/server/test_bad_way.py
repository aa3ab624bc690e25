"""Packets that are lost, late, doubled or do not come at all, in both directions of a whole session."""

import asyncio
from contextlib import asynccontextmanager

import av
import numpy as np
import pytest
from aiortc import VideoStreamTrack
from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket, pack_remb_fci

from harness.echo import Echo, write_preset
from harness.impaired_link import Way, spoil_connection
from harness.local import free_port
from server.media.broadcast import MIN_KEYFRAME_INTERVAL_S
from server.media.loss_repair import LossRepair
from server.settings import Settings
from tests.server.live import RunningServer, Viewer, eventually

SIZE = (320, 192)
LOOK_S = 2.0
FREEZE_S = 3 * 0.5  # half a second is promised


class Noise(VideoStreamTrack):
    """Pictures of several packets each, 30 a second."""

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


class Screen(Viewer):
    """A page that repairs losses as a browser does."""

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
async def over(server, coming: Way, going: Way):
    """A session over these ways: the page's end and the server's."""
    async with server.ready() as client:
        screen = Screen(client, Noise())
        assert (await screen.start()).status_code == 201
        await screen.receives(15)
        spoil_connection(screen.pc, coming, going)
        yield screen, server.app.state.sessions.handles[screen.id]
        await client.delete(f"/api/v1/sessions/{screen.id}")
        await screen.close()


async def longest_gap(screen: Viewer, seconds: float = LOOK_S) -> float:
    """Between edited pictures that arrive from now on."""
    first = len(screen.arrived) - 1
    await asyncio.sleep(seconds)
    return max(np.diff([at for at, _ in screen.arrived[first:]]), default=seconds)


@pytest.mark.parametrize("loss", [0.01, 0.03, 0.1])
async def test_losses_either_way_do_not_freeze_the_picture(server, loss):
    coming, going = Way(loss, seed=1), Way(loss, seed=2)
    async with over(server, coming, going) as (screen, session):
        keyframes = session.frames.broadcast.keyframes
        assert await longest_gap(screen) < FREEZE_S
        assert session.frames.broadcast.keyframes - keyframes <= LOOK_S / MIN_KEYFRAME_INTERVAL_S
    assert coming.lost > 0
    assert going.lost > 0


async def test_retransmissions_that_are_lost_too_are_asked_for_again(server):
    coming, going = Way(0.03, seed=3), Way(0.03, seed=4)
    coming.loss_of_repairs = going.loss_of_repairs = 0.5
    async with over(server, coming, going) as (screen, session):
        assert await longest_gap(screen) < FREEZE_S
        assert session.peer.video.repair.nacks_sent > 0
    assert coming.lost_repairs + going.lost_repairs > 0


async def test_packets_that_are_late_or_doubled_cost_nothing(server):
    coming, going = Way(late=0.1, twice=0.1, seed=5), Way(late=0.1, twice=0.1, seed=6)
    async with over(server, coming, going) as (screen, session):
        keyframes = session.frames.broadcast.keyframes
        given_up = session.peer.video.repair.timeouts
        assert await longest_gap(screen) < FREEZE_S
        stamps = [stamp for _, stamp in screen.arrived]
        assert stamps == sorted(set(stamps))
        assert session.frames.broadcast.keyframes == keyframes
        assert session.peer.video.repair.timeouts == given_up


async def test_two_seconds_of_darkness_pass(server):
    coming, going = Way(), Way()
    async with over(server, coming, going) as (screen, session):
        coming.dark = going.dark = True
        await asyncio.sleep(2.0)
        dark = len(screen.arrived)
        coming.dark = going.dark = False
        await eventually(lambda: len(screen.arrived) > dark + 30)
        assert screen.arrived[dark][0] - screen.arrived[dark - 1][0] < 2.0 + 3 * 1.0
        assert (await screen.status())["state"] == "live"
        assert session.peer is not None
        assert await longest_gap(screen, 1.0) < FREEZE_S


async def test_many_wishes_for_a_keyframe_are_one_and_a_new_rate_needs_none(server):
    async with over(server, Way(), Way()) as (screen, session):
        receiver, keyframes = screen.pc.getReceivers()[0], session.frames.broadcast.keyframes
        ssrc = session.peer._sender._ssrc
        for i in range(40):
            remb = pack_remb_fci((400_000, 3_000_000)[i % 2], [ssrc])
            await receiver._send_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=remb))
            await asyncio.sleep(0.025)
        await eventually(lambda: session.peer.track.control.target in (400_000, 3_000_000))
        assert session.frames.broadcast.keyframes == keyframes
        for _ in range(40):
            await receiver._send_rtcp_pli(ssrc)
            await asyncio.sleep(0.025)
        await eventually(lambda: session.frames.broadcast.keyframes > keyframes)
        # a second and what a busy machine adds; forty were asked for
        assert session.frames.broadcast.keyframes - keyframes < 10
