"""Loss repair over a lossy link, in real time."""

import asyncio
import time

import numpy as np
from aiortc import MediaStreamTrack, RTCDtlsTransport, RTCPeerConnection
from aiortc.rtp import is_rtcp

from server.media.frame_buffer import NACK_TIMEOUT_S
from server.media.loss_repair import LossRepair
from tests.server.media.waves import Waves

LOSS = 0.15


def drop_packets(transport: RTCDtlsTransport) -> list[bytes]:
    """Drop RTP packets with probability `LOSS`; returns the list that they are added to."""
    rng = np.random.default_rng(0)
    send = transport._send_rtp
    lost: list[bytes] = []

    async def send_or_drop(data: bytes) -> None:
        if is_rtcp(data) or rng.random() > LOSS:
            await send(data)
        else:
            lost.append(data)

    transport._send_rtp = send_or_drop
    return lost


async def test_packet_loss_freezes_the_video_only_briefly():
    """Packets and retransmissions are lost: NACKs are repeated until the packet arrives or the timeout expires."""
    browser, server = RTCPeerConnection(), RTCPeerConnection()
    arrived: list[float] = []
    repairs: list[LossRepair] = []
    taking: list[asyncio.Task[None]] = []

    async def take(track: MediaStreamTrack) -> None:
        while True:
            await track.recv()
            arrived.append(time.monotonic())

    server.on("track", lambda track: taking.append(asyncio.create_task(take(track))))
    try:
        browser.addTransceiver(Waves(), direction="sendonly")
        await browser.setLocalDescription(await browser.createOffer())
        await server.setRemoteDescription(browser.localDescription)
        await server.setLocalDescription(await server.createAnswer())
        repairs.append(LossRepair(server.getReceivers()[0]))
        lost = drop_packets(browser.getSenders()[0].transport)
        await browser.setRemoteDescription(server.localDescription)
        async with asyncio.timeout(20):
            while len(arrived) < 150:
                await asyncio.sleep(0.05)
    finally:
        for task in taking:
            task.cancel()
        for repair in repairs:
            repair.stop()
        await asyncio.gather(browser.close(), server.close())
    gaps = np.diff(arrived)
    assert len(lost) > 20
    assert repairs[0].counters.nacks_sent > 0
    assert gaps[10:].max() < 3 * NACK_TIMEOUT_S
    assert arrived[-1] - arrived[0] < 3 * 150 / 30
