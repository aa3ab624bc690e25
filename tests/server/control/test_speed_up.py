"""The estimated speed-up by pruning."""

import random

import pytest

from server import wire
from server.control.speed_up import SpeedUp


def block(keep_ratio: float, before: float, *, scale: float = 1.0, active: float = 1.0) -> wire.BlockDone:
    """25 ms always, 25 in proportion to the region, 80 + 20 to what is kept; the clean pass is of the block before."""
    times = {"encode": 20.0, "detect": 5.0, "denoise": 80 * keep_ratio, "decode": 25 * active, "clean": 20 * before}
    return wire.BlockDone(
        session="s",
        block=0,
        frames=4,
        dropped=0,
        keep_ratio=keep_ratio,
        active_ratio=active,
        stage_ms={stage: ms * scale for stage, ms in times.items()},
        queue_ms=0.0,
        edit_ms=0.0,
    )


def add(speed_up: SpeedUp, ratios: list[float], before: float, **kwargs: float) -> None:
    for after in ratios:
        speed_up.add(block(after, before, **kwargs))
        before = after


def test_it_is_the_full_blocks_time_over_the_pruned_ones():
    speed_up = SpeedUp()
    ratios = [random.Random(seed).uniform(0.1, 0.6) for seed in range(40)]
    add(speed_up, [*ratios, 0.25], 1.0)
    assert speed_up.ratio == pytest.approx(150 / 75)
    add(speed_up, [0.5], 0.25)
    assert speed_up.ratio == pytest.approx(150 / 100)
    add(speed_up, [1.0], 0.5)
    assert speed_up.ratio == pytest.approx(1.0)


def test_it_is_unknown_until_the_kept_part_has_varied():
    speed_up = SpeedUp()
    assert speed_up.ratio is None
    add(speed_up, [1.0], 1.0)
    assert speed_up.ratio is None, "the first block is not measured"
    add(speed_up, [0.2, 0.2, 0.2], 0.2)
    assert speed_up.ratio is None
    everything = SpeedUp()
    add(everything, [1.0, 1.0, 1.0], 1.0)
    assert everything.ratio == pytest.approx(1.0)


def test_a_resting_scene_keeps_the_slope_and_follows_the_machine():
    speed_up = SpeedUp()
    add(speed_up, [0.0, 1.0] * 10 + [0.0] * 1000, 1.0)
    assert speed_up.ratio == pytest.approx(150 / 50, rel=0.01)


def test_in_a_region_it_is_compared_with_the_whole_picture():
    speed_up = SpeedUp()
    add(speed_up, [0.0, 1.0] * 10, 1.0)
    add(speed_up, [0.25, 0.25, 0.1, 0.25] * 10, 1.0, active=0.25)
    assert speed_up.ratio == pytest.approx(150 / 56.25)
    add(speed_up, [0.5], 0.25)
    assert speed_up.ratio == pytest.approx(150 / 100)


def test_in_a_region_it_is_unknown_until_another_part_was_measured():
    speed_up = SpeedUp()
    add(speed_up, [0.25, 0.25, 0.1, 0.25] * 10, 0.25, active=0.25)
    assert speed_up.ratio is None
    add(speed_up, [0.4, 0.1], 0.25, active=0.4)
    assert speed_up.ratio == pytest.approx(150 / 45)
