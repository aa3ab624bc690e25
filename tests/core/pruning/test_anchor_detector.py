"""The anchor rule on small synthetic sources: properties that hold for every source."""

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.kernels.token_change import token_change
from lipar_core.parameters import Pruning
from lipar_core.pruning.anchor import AnchorDetector
from lipar_core.pruning.detector import Detector
from lipar_core.pruning.source_noise import SourceNoise
from tests.tiny import tiny_preset

ROWS, COLS = 4, 6
STREAM = tiny_preset(block_frames=1).stream  # of that many tokens
SETTINGS = Pruning(detector="anchor", threshold=8)


def detector(block_frames: int = 3) -> AnchorDetector:
    return AnchorDetector(ROWS, COLS, block_frames, frames_per_latent=4)


def still(latent_frames: int) -> Tensor:
    """Frames [4 latent_frames, 3, H, W] of a static scene."""
    one = torch.rand(3, 16 * ROWS, 16 * COLS, generator=torch.Generator().manual_seed(0))
    return (0.3 + 0.4 * one).repeat(4 * latent_frames, 1, 1, 1)


@pytest.mark.parametrize("splits", [[12], [1] * 12, [3] * 4, [5, 1, 6]])
def test_masks_and_noise_do_not_depend_on_the_split(splits):
    frames = still(12) + torch.randn(48, 3, 16 * ROWS, 16 * COLS, generator=torch.Generator().manual_seed(1)) * 0.02
    frames[20:, :, 16:32, 16:48] += torch.linspace(0, 0.2, 28).view(-1, 1, 1, 1)
    settings = replace(SETTINGS, min_keep=0.1, max_age=3)
    whole, parts = detector(), detector()
    at_once = whole(frames, settings)
    assert torch.equal(torch.cat([parts(part, settings) for part in frames.split([4 * n for n in splits])]), at_once)
    assert whole.noise.sigma is not None
    assert torch.equal(parts.noise.sigma, whole.noise.sigma)
    assert 0 < at_once[3:].float().mean() < 1


def test_first_block_and_forced_blocks_are_kept_in_full_and_a_reset_forgets():
    find = detector()
    assert find(still(3), SETTINGS).all()
    assert not find(still(3), SETTINGS).any()
    assert find(still(3), SETTINGS, force=True).all()
    assert find(still(3), replace(SETTINGS, enabled=False)).all()
    assert not find(still(3), SETTINGS).any()
    find.reset()
    assert find(still(3), SETTINGS).all()


def test_a_token_is_kept_only_if_its_source_changes_by_more_than_the_threshold():
    frames = still(4)
    frames[8:, :, 16:32, 32:48] += 11 / 255
    frames[8:, :, 32:48, 32:48] += 7 / 255
    keep = detector(1)(frames, SETTINGS)
    assert keep[2, 1, 2]
    assert keep[1:].sum() == 1  # no neighbour, not its past, and no second time: its anchor moved with it


def test_small_changes_accumulate_and_slow_drift_is_deferred():
    frames = still(13) + 0.9 * torch.arange(13).repeat_interleave(4).view(-1, 1, 1, 1) / 255
    keep = detector(1)(frames, SETTINGS).flatten(1)
    assert not keep[1:9].any()
    assert keep[9:].sum(dim=0).eq(1).all()
    assert keep[9:].float().mean(dim=1).tolist() == pytest.approx([0.25] * 4)  # from 8.1 levels on, a quarter each


def test_changes_above_the_threshold_are_computed_within_four_latent_frames():
    frames = still(8)
    frames[4:] += 9 / 255
    keep = detector(1)(frames, SETTINGS)[1:]
    assert keep[:4].sum(dim=0).eq(1).all()
    assert not keep[4:].any()


def test_no_token_is_older_than_max_age_and_refreshes_are_spread():
    find, ages = detector(1), torch.zeros(ROWS, COLS)
    find(still(1), SETTINGS)
    shares = []
    for _ in range(24):
        keep = find(still(1), replace(SETTINGS, max_age=8))[0]
        ages = torch.where(keep, 0, ages + 1)
        shares.append(float(keep.float().mean()))
        assert ages.max() < 8
    assert max(shares) <= 0.26
    assert sum(shares) == pytest.approx(3, abs=0.3)  # 24 blocks / 8: none more often than it must


def test_switching_detectors_computes_a_full_block():
    find, latents = Detector(STREAM), torch.zeros(1, 4, 2 * ROWS, 2 * COLS)
    for settings, whole in [(SETTINGS, True), (SETTINGS, False)] * 2:
        assert find(still(1), latents, settings).all() == whole
        if not whole:
            assert find(still(1), latents, replace(settings, detector="lipar")).all()
            assert find.noise_levels() is None


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0, 5.0, 10.0])
def test_noise_is_distinguished_from_motion(sigma):
    """Gaussian noise, motion in a third of the picture, and changing light: only the noise is estimated."""
    draw = torch.Generator().manual_seed(2)
    noise, base = SourceNoise(), still(1)[0] * 255
    previous = base
    for step in range(6):
        frame = base * (1 + 0.02 * step)
        frame[:, :, :32] = frame[:, :, :32].roll(5 * step, dims=-1)
        frame = (frame + sigma * torch.randn(frame.shape, generator=draw)).round()
        noise.update(token_change(frame[None], frame[None], previous, ROWS)[2], torch.full((ROWS * COLS,), 128.0))
        previous = frame
    assert float(noise.sigma) == pytest.approx(sigma, rel=0.15, abs=0.6)


def test_the_noise_estimate_rises_slowly_and_falls_quickly():
    draw = torch.Generator().manual_seed(3)
    noise, base = SourceNoise(), still(1)[0] * 255
    seen = [base]

    def after(frames: int, sigma: float) -> float:
        for _ in range(frames):
            seen.append(base + sigma * torch.randn(base.shape, generator=draw))
            deviation = token_change(seen[-1][None], seen[-1][None], seen[-2], ROWS)[2]
            noise.update(deviation, torch.full_like(deviation, 128))
        return float(noise.sigma)

    assert after(20, 1.0) == pytest.approx(1, rel=0.2)
    assert after(4, 8.0) < 4
    assert after(60, 8.0) == pytest.approx(8, rel=0.2)
    assert after(6, 1.0) < 2


def test_each_band_of_luminance_has_its_own_noise():
    """A sensor whose noise grows with the light; a band of few tokens has the estimate of all."""
    noise = SourceNoise()
    luminance = torch.tensor([30.0] * 60 + [100.0] * 60 + [160.0] * 4 + [230.0] * 60)
    sigma = torch.tensor([3.0] * 60 + [4.0] * 60 + [9.0] * 4 + [5.0] * 60)
    for _ in range(3):
        estimate = noise.update(sigma * 2**0.5 * 0.6745, luminance)
    assert estimate.tolist() == pytest.approx([3.0, 4.0, 3.0, 5.0])
    moving = torch.where(luminance > 192, 50.0, sigma)
    for _ in range(100):
        estimate = noise.update(moving, luminance)
    assert estimate[-1] <= 2 * noise.sigma
