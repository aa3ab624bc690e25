import pytest
import torch

from lipar_core.pruning.restoration import restore
from lipar_core.pruning.selection import select


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("frames", [1, 3])
def test_restoration_equals_a_loop_over_frames(ratio, frames):
    keep = torch.rand(frames, 20, generator=torch.Generator().manual_seed(frames)) < ratio
    x0, previous = torch.randn(frames, 20, 5), torch.randn(20, 5)
    chosen, _ = select(keep)
    kept = x0[keep]
    expected, before = x0.clone(), previous
    for frame in range(frames):
        expected[frame] = torch.where(keep[frame, :, None], x0[frame], before)
        before = expected[frame]
    assert torch.equal(restore(kept, kept, previous, chosen, "previous_frame", 0.5, "x0").view_as(expected), expected)
    published = torch.where(keep[..., None], x0, previous)
    assert torch.equal(restore(kept, kept, previous, chosen, "previous_block", 0.5, "x0").view_as(expected), published)


def test_refreshed_selection_has_the_last_frame_in_full():
    keep = torch.tensor([[True, False], [False, False]])
    kept, refreshed = select(keep)
    assert (kept.count, refreshed.count) == (1, 3)
    assert kept.index.tolist() == [0]
    assert refreshed.index.tolist() == [0, 2, 3]
    assert not keep[-1].any()
