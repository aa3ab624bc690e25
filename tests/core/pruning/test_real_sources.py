"""The anchor rule on synthetic sources with one threshold: what must and what must not be computed."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.parameters import Pruning
from lipar_core.pruning.anchor import AnchorDetector
from lipar_eval import synthetic_sources as real
from lipar_eval.source_kinds import source_kinds

SETTINGS = Pruning(detector="anchor", threshold=8)


def masks(source: Tensor) -> Tensor:
    """[N, 3, 144, 256] uint8 -> keep of all latent frames but the stream's first [N / 4 - 1, rows, cols]."""
    return AnchorDetector(real.ROWS, real.COLS, 1, 4)(source.float() / 255, SETTINGS)[1:]


def shares(keep: Tensor) -> Tensor:
    return keep.flatten(1).float().mean(dim=1)


@pytest.mark.parametrize("sigma", [2, 5, 10])
def test_sensor_noise_is_not_computed_and_hides_no_motion(sigma):
    assert shares(masks(real.noisy(real.at_rest(32), sigma))).mean() < 0.01
    clean, _ = real.crossing(80)
    assert abs(masks(real.noisy(clean, sigma)).float().mean() - masks(clean).float().mean()) < 0.05


def test_noise_that_grows_with_the_light_is_not_computed_where_it_is_bright():
    assert shares(masks(real.shot_noisy(real.at_rest(48))))[2:].max() < 0.02


@pytest.mark.parametrize("codec", ["libx264", "libvpx"])
@pytest.mark.parametrize("bit_rate", [100_000, 300_000])
def test_low_bitrate_keyframes_are_not_changes(codec, bit_rate):
    """A static scene from a low-quality camera, five keyframes: none may cause a full block."""
    keep = masks(real.static_coded(codec, bit_rate))
    assert shares(keep).max() < 0.1


@pytest.mark.parametrize("drift", [real.gain, real.white_balance])
def test_slow_drift_is_followed_and_spread_over_blocks(drift):
    source = drift(240, per_second=0.02)
    keep = masks(source)
    assert keep.any(dim=0).float().mean() > 0.8  # visible by then
    assert shares(keep).max() < 0.3  # and never all of them at once
    assert shares(keep)[30:].max() < 0.3
    assert shares(keep).mean() < 0.1


@pytest.mark.parametrize("mains", [50, 60])
def test_faint_mains_flicker_is_ignored_and_strong_flicker_is_not(mains):
    assert shares(masks(real.mains_light(64, 4, mains))).mean() < 0.05
    if mains == 50:  # 120 Hz is static at 30 fps
        assert shares(masks(real.mains_light(64, 25, mains))).mean() > 0.5


@pytest.mark.parametrize("at", [16, 17, 18, 19])
def test_a_caret_on_a_static_screen_is_detected_at_once(at):
    """In any of a latent frame's four frames: an eighth of a token for a quarter of its time."""
    keep = masks(real.screen(48, at))
    assert keep[3, 4, 12]
    assert keep.any(dim=0).sum() <= 2  # it reaches by a row into the token below, which may wait for its turn
    assert not keep[:3].any()
    assert not keep[8:].any()


def test_a_cut_computes_one_full_block():
    assert shares(masks(real.cut())).round(decimals=2).tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_a_pan_is_computed_almost_in_full():
    assert shares(masks(real.pan(32))).min() > 0.95


def test_a_moving_person_leaves_no_trail():
    source, where = real.crossing(96)
    keep = AnchorDetector(real.ROWS, real.COLS, 1, 4)(source.float() / 255, SETTINGS)
    shown = source[:4].float()
    for now, kept in zip(source.float().split(4), keep, strict=True):
        pixels = kept.repeat_interleave(real.TOKEN, 0).repeat_interleave(real.TOKEN, 1)
        shown = torch.where(pixels, now, shown)
        assert F.avg_pool2d((shown - now).square().mean(dim=(0, 1))[None], real.TOKEN).max() < 11**2
    assert not where[-4:].any()
    assert torch.equal(shown, source[-4:].float())  # nothing is left after the person has gone
    assert masks(source).float().mean() < 0.25


def test_the_table_of_sources_has_the_measured_masks():
    rows = {row["source"]: row for row in source_kinds(SETTINGS, ["cut", "pan, 3 pixels a frame"])}
    keep = shares(masks(real.cut()))
    assert rows["cut"]["kept"] == pytest.approx(float(keep.mean()))
    assert rows["cut"]["largest"] == pytest.approx(float(keep.max()))
    assert rows["pan, 3 pixels a frame"]["kept"] > 0.95
