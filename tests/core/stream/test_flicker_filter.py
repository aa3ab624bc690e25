"""The flicker filter smooths edited frames where the source rests, and nowhere else."""

import torch
from torch import Tensor

from lipar_core.stream.flicker_filter import FlickerFilter

SHAPE = (8, 3, 16, 16)  # frames [N, 3, H, W]


def _flickering(levels: float) -> Tensor:
    """Frames of grey whose level alternates."""
    signs = torch.tensor([1.0, -1.0]).repeat(SHAPE[0] // 2).view(-1, 1, 1, 1)
    return (0.5 + signs * levels / 255).expand(SHAPE)


def _smoothed(frames: Tensor, sources: Tensor, strength: float, noise: float = 0) -> Tensor:
    """The frames smoothed by a new filter."""
    smoothed = frames.clone()
    FlickerFilter()(smoothed, sources, strength, noise)
    return smoothed


def _changes(frames: Tensor) -> Tensor:
    """Mean change between consecutive frames, per pixel, levels of 255 [H, W]."""
    return 255 * frames.diff(dim=0).abs().mean(dim=(0, 1))


def test_flicker_falls_where_the_source_rests_and_stays_where_it_moves() -> None:
    source = torch.full(SHAPE, 0.5)
    source[:, :, :, 8:] = torch.rand(8, 3, 16, 8, generator=torch.manual_seed(0))
    changes = _changes(_smoothed(_flickering(2), source, 0.9))
    assert changes[:, :6].max() < 0.2 * 4
    torch.testing.assert_close(changes[:, 9:], torch.full((16, 7), 4.0), rtol=0.01, atol=0)


def test_a_large_change_of_the_edit_is_shown_at_once() -> None:
    edited = torch.full(SHAPE, 0.2)
    edited[4:] = 0.8
    torch.testing.assert_close(_smoothed(edited, torch.zeros(SHAPE), 0.95), edited)


def test_after_a_restart_the_next_frame_is_not_smoothed() -> None:
    reduce_flicker = FlickerFilter()
    edited, source = _flickering(2).clone(), torch.zeros(SHAPE)
    reduce_flicker(edited[:3], source[:3], 0.9, 0)
    reduce_flicker.restart()
    reduce_flicker(edited[3:4], source[3:4], 0.9, 0)
    torch.testing.assert_close(edited[3:4], _flickering(2)[3:4], rtol=0, atol=0)


def test_the_result_does_not_depend_on_how_the_frames_are_split() -> None:
    edited, source = (torch.rand(SHAPE, generator=torch.manual_seed(seed)) for seed in (1, 2))
    expected, parts = _smoothed(edited, source, 0.9, 2), edited.clone()
    reduce_flicker = FlickerFilter()
    for part in (slice(0, 1), slice(1, 6), slice(6, 8)):
        reduce_flicker(parts[part], source[part], 0.9, 2)
    torch.testing.assert_close(parts, expected, rtol=0, atol=0)


def test_the_noise_of_the_source_does_not_count_as_change() -> None:
    source = 0.5 + 5 / 255 * torch.randn(SHAPE, generator=torch.manual_seed(0))
    unaware, aware = (_changes(_smoothed(_flickering(2), source, 0.9, noise)).mean() for noise in (0.0, 5.0))
    assert aware < 0.6 * unaware


def test_zero_strength_changes_nothing() -> None:
    edited = _flickering(2)
    torch.testing.assert_close(_smoothed(edited, torch.zeros(SHAPE), 0), edited, rtol=0, atol=0)
