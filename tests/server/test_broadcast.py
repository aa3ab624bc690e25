"""The edited stream on its way to everyone who watches."""

import asyncio
import time

import numpy as np

from server.media.broadcast import Broadcast
from server.media.latency import Latency


async def test_a_fault_of_its_own_is_not_silent():
    broadcast = Broadcast(4, Latency(), lambda _stamp, _now: None)
    broadcast.join(leads=True)
    assert broadcast.fault is None
    now = time.monotonic()
    broadcast.add(np.zeros((3, 5), np.uint8), now, now)  # no yuv420p picture has three rows
    async with asyncio.timeout(5):
        while broadcast.fault is None:
            await asyncio.sleep(0.01)
    assert isinstance(broadcast.fault, ValueError)


async def test_closing_is_no_fault():
    broadcast = Broadcast(4, Latency(), lambda _stamp, _now: None)
    broadcast.close()
    await asyncio.sleep(0)
    assert broadcast.fault is None
