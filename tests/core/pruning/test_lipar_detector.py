import pytest
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.kernels.cleaned_mask import clean_mask, dilate, erode
from lipar_core.kernels.grid_median import grid_median
from lipar_core.kernels.grid_smoothing import gaussian3x3
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_core.parameters import Pruning
from lipar_core.pruning.lipar import LiparDetector
from lipar_core.pruning.masks import apply_min_keep

ROWS, COLS = 9, 12
SETTINGS = Pruning(tau=0.2, tau2=0.6)


def detector(block_frames: int = 3) -> LiparDetector:
    return LiparDetector(ROWS, COLS, block_frames, patch=2)


def still(frames: int) -> Tensor:
    """Latents [F, C, h, w] of a static scene."""
    return torch.randn(4, 2 * ROWS, 2 * COLS, generator=torch.Generator().manual_seed(0)).repeat(frames, 1, 1, 1)


def with_change(frames: int, at: int, amount: float = 2.0) -> Tensor:
    """A static scene whose centre changes permanently at frame `at`."""
    latents = still(frames)
    latents[at:, :, 6:12, 8:16] += amount
    return latents


@pytest.mark.parametrize("splits", [[12], [1] * 12, [3] * 4, [5, 1, 6]])
def test_masks_do_not_depend_on_the_split(splits):
    latents = still(12) + torch.randn(12, 4, 2 * ROWS, 2 * COLS, generator=torch.Generator().manual_seed(1)) * 0.2
    settings = replace(SETTINGS, min_keep=0.2, max_age=2)
    whole = detector()(latents, settings)
    find = detector()
    parts = torch.cat([find(part, settings) for part in latents.split(splits)])
    assert torch.equal(parts, whole)
    assert 0 < whole[3:].float().mean() < 1


def test_first_block_and_forced_blocks_are_kept_in_full():
    find = detector()
    assert find(still(3), SETTINGS).all()
    assert not find(still(3), SETTINGS).any()
    assert find(still(3), SETTINGS, force=True).all()
    assert find(still(3), replace(SETTINGS, enabled=False)).all()
    assert not find(still(3), SETTINGS).any()  # what was forced does not spread
    find.reset()
    assert find(still(3), SETTINGS).all()


def test_a_change_is_detected_at_its_position_and_time():
    find = detector()
    find(still(3), SETTINGS)
    keep = find(with_change(3, at=1), SETTINGS)
    assert not keep[0].any()
    assert keep[1, 3:6, 4:8].all()
    assert keep[2, 3:6, 4:8].all()  # dilated in time
    assert not keep[1, 0].any()
    assert not keep[1, :, -1].any()


def test_detection_is_causal():
    find = detector()
    find(still(3), SETTINGS)
    assert not find(with_change(3, at=2), SETTINGS)[:2].any()


def test_slow_drift_is_bounded():
    """Every step is below tau, but the change since the anchor exceeds tau2."""
    find, latents = detector(1), still(12)
    latents += 0.1 * torch.arange(12).view(-1, 1, 1, 1)
    keep = find(latents, SETTINGS)
    assert not keep[1:7].any()
    assert keep[7].all()  # 0.7 against the anchor at frame 0
    assert not keep[9:].any()  # frame 8 is kept by dilation in time; the anchor moved with it
    unbounded = detector(1)(latents, replace(SETTINGS, tau2=4.0))
    assert not unbounded[1:].any()


def test_a_patch_too_small_for_the_clean_up_is_bounded_too():
    """The mask's clean-up removes a single patch; with `bound_drift` its drift is still bounded by tau2."""
    latents = still(6)
    latents[2:, :, 8:10, 10:12] += 2.0  # one patch, permanently
    assert not detector(1)(latents, SETTINGS)[1:].any()
    keep = detector(1)(latents, replace(SETTINGS, bound_drift=True))
    assert keep[2, 4, 5]
    assert keep[1:].sum() == 1  # no neighbour, and no second time: the anchor moved with it


def test_minimum_keep_ratio_is_reached_by_the_largest_changes():
    find = detector()
    find(still(3), SETTINGS)
    keep = find(with_change(3, at=0), replace(SETTINGS, min_keep=0.9))
    assert keep[0].float().mean() >= 0.9
    assert (
        detector()(still(6), replace(SETTINGS, min_keep=0.9))[3:].any().item() is False
    )  # nothing changed: nothing is added


def test_no_patch_is_older_than_max_age():
    find = detector(2)
    keep = torch.cat([find(still(2), replace(SETTINGS, max_age=3)) for _ in range(8)]).view(8, 2, -1)
    assert [bool(block.any()) for block in keep] == [True, False, False, True, False, False, True, False]
    assert keep[3, 0].all()
    assert not keep[3, 1].any()


def test_trimmed_distance_ignores_outliers():
    a = torch.zeros(1, 10)
    b = torch.tensor([[9.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    assert trimmed_distance(a, b).item() == 1.0


def test_filters_keep_constants_and_replicate_edges():
    x = torch.full((2, 4, 5), 3.0)
    torch.testing.assert_close(gaussian3x3(x), x)
    torch.testing.assert_close(grid_median(x), x)
    corner = torch.zeros(1, 4, 4)
    corner[0, 0, 0] = 1.0
    assert grid_median(corner)[0, 0, 0] == 0.0  # 4 of the corner's 9 replicated neighbours


def test_morphology_ignores_what_is_outside():
    full = torch.ones(4, 6, dtype=torch.bool)
    assert erode(full, 3).all()
    assert clean_mask(full).all()
    single = torch.zeros(5, 5, dtype=torch.bool)
    single[0, 0] = True
    assert dilate(single, 3).sum() == 4
    assert not clean_mask(single).any()


def test_min_keep_uses_ranks_not_a_threshold():
    keep = torch.zeros(2, 3, dtype=torch.bool)
    keep[0, 0] = True
    score = torch.tensor([[0.0, 5.0, 1.0], [4.0, 4.0, 2.0]])
    assert apply_min_keep(keep, score, 0.5).flatten().tolist() == [True, True, False, True, False, False]
    assert not apply_min_keep(torch.zeros_like(keep), score, 0.5).any()
