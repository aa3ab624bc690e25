"""Distribution of the edited stream to all connections, and its counters."""

import asyncio
import time

import numpy as np
import pytest

from lipar_core.config import StreamConfig
from lipar_core.parameters import Parameters
from server.media.broadcast import Broadcast
from server.media.edited_track import MAX_WAITING, EditedTrack
from server.media.frame_pipeline import FramePipeline

STREAM = StreamConfig(
    width=64, height=32, block_frames=1, frames_per_latent=4, stride=8, patch=2, sink_frames=1, window_frames=3
)
PICTURE = np.zeros((48, 64), np.uint8)  # 64x32


def ignore(*_: object) -> None:
    pass


async def test_an_internal_error_is_reported():
    faults: list[str] = []
    broadcast = Broadcast(4, ignore, faults.append)
    reading = asyncio.create_task(EditedTrack(broadcast, primary=True).recv())
    await asyncio.sleep(0)
    now = time.monotonic()
    broadcast.add(np.zeros((3, 5), np.uint8), now, now)  # not a valid yuv420p height
    async with asyncio.timeout(5):
        while not faults:
            await asyncio.sleep(0.01)
    assert "broadcast: ValueError" in faults[0]
    reading.cancel()


async def test_closing_is_no_error():
    broadcast = Broadcast(4, ignore, pytest.fail)
    broadcast.close()
    await asyncio.sleep(0)


async def test_counters_are_monotonic_when_a_viewer_leaves_and_when_read_repeatedly():
    frames = FramePipeline(STREAM, ignore, ignore, lambda: Parameters(prompt="a sketch"), pytest.fail)
    viewer = EditedTrack(frames.broadcast, primary=False)
    reading = asyncio.create_task(viewer.recv())
    await asyncio.sleep(0)
    for i in range(MAX_WAITING + 3):
        now = time.monotonic()
        frames.broadcast.add(PICTURE, now + i / 1000, now)
        await asyncio.sleep(0.02)
    await reading
    before = frames.counters.counts()
    assert before["sent"] == MAX_WAITING + 3
    assert before["not_taken"] > 0
    first, second = frames.stats(), frames.stats()
    assert first["fps_out"] == second["fps_out"] > 0
    assert first["latency_ms"] == second["latency_ms"] is not None
    viewer.stop()
    after = frames.stats()
    assert after["counters"] == before
    assert after["dropped_frames"] == before["not_taken"]
    frames.close()
