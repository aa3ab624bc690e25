"""Masks of frames in the model process: each frame takes its own, a late mask serves later frames, an old one none."""

import pytest

from server.model.stream_masks import MAX_AGE_S, MAX_MASKS, StreamMasks
from server.wire import BlockDone, RegionMask, SendKeepMasks, send
from tests.server.model.model_pipe import PRESET, Web, opened
from tests.tiny import tiny_models

STREAM = PRESET.stream


def mask(pts: float, *levels: int) -> RegionMask:
    return RegionMask(session="a", pts=pts, rows=1, cols=len(levels), levels=bytes(levels))


@pytest.fixture
def masks() -> StreamMasks:
    return StreamMasks(lambda: True)


def levels_of(masks: StreamMasks, *pts: float | None) -> list[int]:
    """The levels of masks of one colour each; an empty list: none."""
    found = masks(pts)
    return [] if found is None else [round(float(picture.mean()) * 255) for picture in found]


def test_each_frame_takes_its_own_mask_or_the_newest_of_an_earlier_frame(masks):
    for i in (3, 1, 2):  # reordered on their way
        masks.add(mask(i / 15, 10 * i))
    assert levels_of(masks, 1 / 15, 2 / 15 + 0.004, 2.5 / 15, None) == [10, 20, 20, 20]
    assert levels_of(masks, 4 / 15, 5 / 15) == [30]  # all have the same one


def test_a_late_mask_serves_later_frames_until_it_is_too_old(masks):
    assert levels_of(masks, 1.0) == []
    masks.add(mask(0.9, 40))
    assert levels_of(masks, 1.1) == [40]
    masks.add(mask(0.8, 50))  # later than a newer one
    assert levels_of(masks, 1.2) == [40]
    assert levels_of(masks, 0.95 + MAX_AGE_S) == []
    assert levels_of(masks, None) == []


def test_frames_before_the_first_mask_take_it_too_and_the_number_is_bounded(masks):
    masks.add(mask(2.0, 60))
    assert levels_of(masks, 1.9, 2.0) == [60]
    for i in range(3 * MAX_MASKS):
        masks.add(mask(3 + i, 70))
    assert len(masks._masks) == MAX_MASKS


def test_masks_of_another_resolution_give_way_to_the_newest(masks):
    masks.add(mask(1.0, 10))
    masks.add(mask(2.0, 20, 20))
    assert levels_of(masks, 1.0, 2.0) == [20]


def test_a_session_computes_inside_the_newest_mask_only():
    web = Web(tiny_models(PRESET))
    try:
        opened(web, "a")
        send(web.pipe, SendKeepMasks(session="a", enabled=True))
        web.change("a", region={"source": "frames", "feather": 0}, pruning={"enabled": False})
        web.put_block("a")
        assert web.run_until(BlockDone).keep_ratio == 1, "there is no mask yet"
        left = [255] * (STREAM.cols // 2) + [0] * (STREAM.cols - STREAM.cols // 2)
        send(web.pipe, mask(float(STREAM.frames_per_block - 1), *left))
        web.put_block("a")
        kept = web.run_until(BlockDone).keep_ratio
        assert 0 < kept < 1
        web.change("a", region={"source": "shape"})
        web.put_block("a")
        assert web.run_until(BlockDone).keep_ratio == 1
    finally:
        web.close()


def test_without_the_source_frames_masks_have_no_effect():
    masks = StreamMasks(lambda: False)
    masks.add(mask(1.0, 0))
    assert masks([1.0]) is None
