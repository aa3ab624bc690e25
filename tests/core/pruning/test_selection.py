import pytest
import torch

from lipar_core.flow import X0Weights
from lipar_core.kernels.restored_x0 import restored_x0
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
    published = torch.where(keep[..., None], x0, previous)
    for rule, result in (("previous_frame", expected), ("previous_block", published)):
        out = torch.empty(frames * 20, 5)
        restored_x0(kept, kept, previous, chosen.source(rule), X0Weights(0.0, 1.0), out)
        assert torch.equal(out.view_as(result), result)


def test_refreshed_selection_has_the_last_frame_in_full():
    keep = torch.tensor([[True, False], [False, False]])
    kept, refreshed = select(keep)
    assert (kept.count, refreshed.count) == (1, 3)
    assert kept.index.tolist() == [0]
    assert refreshed.index.tolist() == [0, 2, 3]
    assert not keep[-1].any()
