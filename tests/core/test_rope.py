import torch

from lipar_core.rope import RotaryTable, rotate


def test_scores_depend_on_distance_alone():
    table, (q, k) = RotaryTable(32, 3, 4), torch.randn(2, 12, 2, 32)
    near = torch.einsum("nhd,mhd->hnm", rotate(q, table.at([7])[0]), rotate(k, table.at([4])[0]))
    far = torch.einsum("nhd,mhd->hnm", rotate(q, table.at([1007])[0]), rotate(k, table.at([1004])[0]))
    torch.testing.assert_close(near, far, rtol=0, atol=1e-4)


def test_first_position_is_the_identity():
    x = torch.randn(1, 2, 16)
    torch.testing.assert_close(rotate(x, RotaryTable(16, 1, 1).at([0])[0]), x)


def test_axes_share_the_head_as_published():
    assert RotaryTable(128, 1, 1).axis_pairs == (22, 21, 21)
    assert RotaryTable(32, 1, 1).axis_pairs == (6, 5, 5)


def test_pairs_are_interleaved():
    x = torch.zeros(1, 1, 32)
    x[..., 0] = 1.0  # the real half of the first temporal pair
    turned = rotate(x, RotaryTable(32, 1, 1).at([1])[0])[0, 0]
    torch.testing.assert_close(
        turned[:2], torch.tensor([1.0, 1.0]).cos() * torch.tensor([1.0, 0.0]) + torch.tensor([0.0, 1.0]).sin()
    )
