"""Ring, ingest, pacer, rate and fitter, on a simulated clock."""

import multiprocessing

import av
import numpy as np
import pytest

from server.media.fitter import Fitter
from server.media.ingest import Ingest
from server.media.pacer import MARGIN_S, REVIEW_INTERVAL_S, Pacer
from server.media.rate import Rate
from server.ring import FrameRing

SIZE = (16, 8)


def planes(value: int) -> np.ndarray:
    return np.full((SIZE[1] * 3 // 2, SIZE[0]), value, np.uint8)


@pytest.fixture
def ring():
    ring = FrameRing(*SIZE, frames_per_block=2)
    yield ring
    ring.close()


@pytest.fixture
def ingest():
    """Frames for a ring whose blocks have four."""
    ring = FrameRing(*SIZE, frames_per_block=4)
    yield Ingest(ring)
    ring.close()


def test_ring_keeps_order_across_the_wrap_and_rejects_frames_when_full(ring):
    for start in range(0, 9, 3):
        assert [ring.put(planes(i), i / 10) for i in range(start, start + 3)] == [True] * 3
        taken, pts = ring.take(99)
        assert taken[:, 0, 0].tolist() == list(range(start, start + 3))
        assert pts == [i / 10 for i in range(start, start + 3)]
    assert [ring.put(planes(i), 0.0) for i in range(5)] == [True] * 4 + [False]
    assert len(ring) == 4
    assert ring.take(0)[1] == []


def test_ring_says_when_a_whole_block_waits_and_since_when(ring):
    assert (ring.has_block, ring.missing_frames) == (False, 2)
    ring.put(planes(1), 0.5)
    assert (ring.has_block, ring.missing_frames, ring.block_pts) == (False, 1, 0.5)
    ring.put(planes(2), 0.6)
    ring.put(planes(3), 0.7)
    assert (ring.has_block, ring.missing_frames, ring.block_pts) == (True, 0, 0.6)
    ring.take(2)
    assert (ring.has_block, ring.block_pts) == (False, 0.7)


def _read(name: str) -> None:
    ring = FrameRing(*SIZE, frames_per_block=2, name=name)
    ring.set_written(2)
    taken, pts = ring.take(2)
    assert taken[:, 0, 0].tolist() == [3, 4]
    assert pts == [0.5, 0.6]
    ring.close()


def test_ring_is_shared_between_processes(ring):
    ring.put(planes(3), 0.5)
    ring.put(planes(4), 0.6)
    process = multiprocessing.get_context("spawn").Process(target=_read, args=(ring.name,))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert len(ring) == 2
    ring.set_read(2)
    assert len(ring) == 0


def test_ingest_admits_all_until_the_model_speed_is_known(ingest):
    assert all(ingest.admits(i / 30) for i in range(60))


def test_ingest_limits_the_frame_rate_evenly_to_the_model_speed(ingest):
    ingest.block_done(busy_s=0.4, sessions=1)  # 10 frames per second
    admitted = [i for i in range(300) if ingest.admits(i / 30)]
    gaps = np.diff(admitted)
    assert 90 <= len(admitted) <= 100
    assert set(gaps.tolist()) <= {3, 4}
    assert ingest.counters.dropped == 300 - len(admitted)


def test_ingest_drops_nothing_from_a_slow_camera_and_halves_for_two_sessions(ingest):
    ingest.block_done(busy_s=0.1, sessions=1)
    assert all(ingest.admits(i / 15) for i in range(60))
    shared = Ingest(ingest.ring)
    shared.block_done(busy_s=0.4, sessions=2)
    assert 40 <= sum(shared.admits(i / 30) for i in range(300)) <= 50


def test_ingest_does_not_catch_up_after_a_pause(ingest):
    ingest.block_done(busy_s=0.4, sessions=1)
    assert ingest.admits(0.0)
    assert sum(ingest.admits(9.0 + i / 30) for i in range(30)) <= 11


def test_ring_holds_at_most_a_block_and_the_oldest_queued_frames_are_dropped(ingest):
    ring = ingest.ring
    for i in range(10):
        ingest.enqueue(planes(i), float(i))
    assert len(ring) == 4
    assert len(ingest.waiting) == 2
    assert ingest.counters.dropped == 4
    assert ring.take(4)[1] == [0.0, 1.0, 2.0, 3.0]
    ingest.fill_ring()
    assert ring.take(4)[1] == [8.0, 9.0]


def test_the_last_block_of_an_idle_source_is_padded(ingest):
    ring = ingest.ring
    ingest.pad_block(100.0)
    assert len(ring) == 0  # no frame yet
    ingest.enqueue(planes(1), 10.0)
    ingest.enqueue(planes(2), 10.1)
    ingest.pad_block(10.3)
    assert len(ring) == 2  # it may only be slow
    ingest.pad_block(11.1)
    taken, pts = ring.take(4)
    assert taken[:, 0, 0].tolist() == [1, 2, 2, 2]
    assert pts == pytest.approx([10.0, 10.1, 10.6, 11.1])
    ingest.pad_block(20.0)
    assert len(ring) == 0  # pads once only: there is no new frame


def play(pacer: Pacer, blocks: list[tuple[float, list[float]]], until: float) -> list[tuple[float, float]]:
    """(playout time, source time) of all frames; blocks are (arrival time, source times)."""
    shown, now, waiting = [], 0.0, list(blocks)
    while now < until:
        while waiting and waiting[0][0] <= now:
            arrival, stamps = waiting.pop(0)
            for stamp in stamps:
                pacer.add(planes(0), stamp, arrival)
        while pacer.wait(now) == 0:
            shown.append((now, pacer.pop()[1]))
        now = round(now + 0.001, 6)
    return shown


def block(first: int, count: int = 4, fps: float = 20.0) -> list[float]:
    return [(first + i) / fps for i in range(count)]


def test_frames_are_played_at_the_pace_of_their_source():
    arrivals = [(b * 0.2 + 0.3, block(4 * b)) for b in range(10)]
    shown = play(Pacer(16), arrivals, 3.0)
    assert [stamp for _, stamp in shown] == [i / 20 for i in range(40)]
    gaps = np.diff([at for at, _ in shown])
    assert gaps.min() > 0.045
    assert gaps.max() < 0.055


def test_a_late_block_raises_the_delay_without_speeding_up():
    arrivals = [(b * 0.2 + 0.3 + (0.5 if b >= 5 else 0.0), block(4 * b)) for b in range(10)]
    shown = play(Pacer(16), arrivals, 4.0)
    assert [stamp for _, stamp in shown] == [i / 20 for i in range(40)]
    assert np.diff([at for at, _ in shown]).min() > 0.045
    assert shown[-1][0] - shown[-1][1] == pytest.approx(0.8 + MARGIN_S, abs=0.01)


def test_unneeded_delay_decays():
    late = [(0.9, block(0))] + [(b * 0.2 + 0.3, block(4 * b)) for b in range(4, 60)]
    shown = play(Pacer(64), late, 12.0)
    assert shown[0][0] - shown[0][1] > 0.85
    assert shown[-1][0] - shown[-1][1] < 0.4
    assert REVIEW_INTERVAL_S < 12.0


def test_delay_decays_when_frames_arrive_one_by_one():
    late = [(0.5, [0.0])] + [(i / 20 + 0.05, [i / 20]) for i in range(10, 200)]
    shown = play(Pacer(64), late, 12.0)
    assert shown[0][0] - shown[0][1] > 0.5
    assert shown[-1][0] - shown[-1][1] < 0.1


def test_a_full_queue_drops_the_oldest_and_an_empty_one_has_nothing_due():
    pacer = Pacer(2)
    assert pacer.wait(0.0) is None
    for i in range(4):
        pacer.add(planes(i), float(i), 10.0)
    assert pacer.counters.too_late == 2
    assert pacer.pop()[1] == 2.0


def test_rate_covers_only_its_window():
    rate = Rate()
    for i in range(100):
        rate.add(i / 25)
    assert rate.per_second(4.0) == pytest.approx(25, rel=0.05)
    assert rate.per_second(60.0) == 0.0
    burst = Rate()
    for _ in range(4):
        burst.add(1.0)
    assert burst.per_second(1.001) == 4.0  # a burst of one block is not thousands of frames per second


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1920, 1080), (17, 9), (256, 144), (31, 400)])
@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_frames_of_any_size_fill_the_picture(size, fit):
    frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), (200, 30, 60), np.uint8), format="rgb24")
    fitter = Fitter(64, 48)
    for _ in range(2):
        cut = fitter(frame, fit=fit)
        assert cut.shape == (72, 64)
        back = av.VideoFrame.from_ndarray(cut, format="yuv420p").to_ndarray(format="rgb24")
        assert np.abs(back.astype(int) - (200, 30, 60)).max() < 12


@pytest.mark.parametrize(
    ("size", "picture"), [((128, 48), (slice(12, 36), slice(None))), ((48, 96), (slice(None), slice(20, 44)))]
)
def test_everything_is_shown_with_black_bars(size, picture):
    frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 255, np.uint8), format="rgb24")
    luma = Fitter(64, 48)(frame, fit="fit")[:48]
    assert luma[picture].min() > 220
    bars = np.ones_like(luma, bool)
    bars[picture] = False
    assert (luma[bars] == 16).all()


def test_the_centre_is_kept():
    picture = np.zeros((48, 200, 3), np.uint8)
    picture[:, 60:140] = 255
    cut = Fitter(64, 48)(av.VideoFrame.from_ndarray(picture, format="rgb24"))
    assert cut[:48].mean() > 220


def test_a_delay_longer_than_the_queue_does_not_stop_playback():
    # 30 frames per second, in blocks of four
    blocks = [(0.1 + i / 7.5, [(4 * i + j) / 30 for j in range(4)]) for i in range(60)]
    blocks[3] = (blocks[3][0] + 0.6, blocks[3][1])  # one block is late, and those behind it
    late = blocks[3][0]
    blocks = [(max(arrival, late) if i > 3 else arrival, stamps) for i, (arrival, stamps) in enumerate(blocks)]
    pacer = Pacer(capacity=8)
    shown = play(pacer, blocks, until=8.5)
    assert sum(5.0 < at < 7.0 for at, _ in shown) > 50
    gaps = np.diff([at for at, _ in shown if at > 2.0])
    assert gaps.max() < 0.2
