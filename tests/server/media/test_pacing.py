"""Simulation of camera, ingest, model and pacer on a simulated clock: which frames are shown, and when."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest

from server.media.ingest import Ingest
from server.media.pacer import Pacer
from server.ring import FrameRing

SIZE = (16, 8)
STEP_S = 0.001
BLOCK = 12
PICTURE = np.zeros((SIZE[1] * 3 // 2, SIZE[0]), np.uint8)


@dataclass
class Playback:
    """Display times and source times of the frames shown."""

    at: list[float] = field(default_factory=list)
    source: list[float] = field(default_factory=list)
    max_waiting: int = 0

    @property
    def latency(self) -> np.ndarray:
        return np.array(self.at) - np.array(self.source)

    def gaps(self, since: float = 0.0, until: float = 1e9) -> np.ndarray:
        return np.diff([at for at in self.at if since < at < until])


def simulate(camera: Iterable[float], block_s: Callable[[float], float], until: float) -> Playback:
    """`camera`: arrival times of its frames; `block_s`: duration of a block by its start time. Times in seconds."""
    ring, shown = FrameRing(*SIZE, frames_per_block=BLOCK), Playback()
    ingest, pacer, frames = Ingest(ring), Pacer(2 * BLOCK), iter(camera)
    due, started, ends, block = next(frames, until), 0.0, None, []
    for now in np.arange(0.0, until, STEP_S):
        while due <= now:
            if ingest.admits(now):
                ingest.enqueue(PICTURE, due)
            due = next(frames, until)
        if ends is not None and now >= ends:
            ingest.block_done(now - started, 1)
            for stamp in block:
                pacer.add(PICTURE, stamp, now)
            ends = None
        ingest.fill_ring()
        if ends is None and ring.has_block:
            started, ends, block = now, now + block_s(now), ring.take(BLOCK)[1]
        while pacer.wait(now) == 0:
            shown.at.append(now)
            shown.source.append(pacer.pop()[1])
        shown.max_waiting = max(shown.max_waiting, len(ring) + len(ingest.waiting) + len(pacer.queue))
    ring.close()
    return shown


def steady(fps: float, begin: float, end: float, jitter_s: float = 0.0) -> Iterable[float]:
    rng = np.random.default_rng(0)
    return [i / fps + rng.uniform(0, jitter_s) for i in range(int(begin * fps) + 1, int(end * fps))]


@pytest.mark.parametrize(("fps", "block_s"), [(30.0, 0.2), (16.0, 0.5)])
def test_blocks_of_twelve_are_played_evenly_with_low_latency(fps, block_s):
    rng = np.random.default_rng(1)
    shown = simulate(steady(fps, 0, 20, jitter_s=0.01), lambda _: block_s + rng.uniform(0, 0.03), 20.0)
    gaps = shown.gaps(since=5.0)
    assert np.percentile(gaps, 95) < 2 / fps
    assert gaps.max() < 3 / fps
    floor = (BLOCK - 1) / fps + block_s
    assert np.median(shown.latency[60:]) < floor + 0.15
    assert shown.source == sorted(set(shown.source))


def test_latency_does_not_grow_with_a_model_at_half_the_camera_rate():
    shown = simulate(steady(30, 0, 60), lambda _: BLOCK / 15, 60.0)
    at, latency = np.array(shown.at), shown.latency
    slope = np.polyfit(at[at > 5], latency[at > 5], 1)[0]
    assert abs(slope * 60) < 0.05  # seconds per minute
    assert np.median(latency) < BLOCK / 15 + BLOCK / 15 + 0.2
    assert np.percentile(shown.gaps(since=5), 95) < 2 / 14
    assert shown.max_waiting <= 3 * BLOCK + 2


def test_playback_pauses_during_a_stall_and_does_not_speed_up_after_it():
    shown = simulate(steady(30, 0, 40), lambda now: 3.0 if 10 < now < 10.5 else 0.2, 40.0)
    gaps = shown.gaps(since=2.0)
    assert 2.0 < gaps.max() < 3.5  # the stall itself
    after = shown.gaps(since=14.0)
    assert after.min() > 0.5 / 30  # no frame is hurried
    assert np.percentile(after, 95) < 2 / 30
    at = np.array(shown.at)
    before, soon = np.median(shown.latency[at < 10]), shown.latency[(at > 14.5) & (at < 16)]
    assert np.median(soon) < before + 0.15  # frames queued during the stall are dropped


def test_camera_frame_rate_may_change():
    camera = [*steady(30, 0, 10), *steady(10, 10, 20), *steady(25, 20, 30)]
    shown = simulate(camera, lambda _: 0.2, 30.0)
    assert shown.source == sorted(set(shown.source))
    for begin, end, fps in ((4, 10, 30), (14, 20, 10), (24, 30, 25)):
        assert np.median(shown.gaps(begin, end)) == pytest.approx(1 / fps, rel=0.2)
    assert len(shown.at) > 0.8 * (300 + 100 + 250)
