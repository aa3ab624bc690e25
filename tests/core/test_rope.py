import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lipar_core.rope import RotaryTable, rotate
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models, tiny_preset


class Dtypes(TorchDispatchMode):
    """The dtypes of all results while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.seen |= {leaf.dtype for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
        return result


def test_scores_depend_on_distance_alone():
    table, (q, k) = RotaryTable(32, 3, 4), torch.randn(2, 12, 2, 32)
    near = torch.einsum("nhd,mhd->hnm", rotate(q, table.at([7])[0]), rotate(k, table.at([4])[0]))
    far = torch.einsum("nhd,mhd->hnm", rotate(q, table.at([1007])[0]), rotate(k, table.at([1004])[0]))
    torch.testing.assert_close(near, far, rtol=0, atol=1e-4)


def test_rotation_is_the_product_of_complex_numbers():
    x, factors = torch.randn(5, 2, 32), RotaryTable(32, 1, 5).at([3])[0]
    product = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * torch.view_as_complex(factors.view(5, 1, -1, 2))
    torch.testing.assert_close(rotate(x, factors), torch.view_as_real(product).flatten(-2))


def test_no_tensor_of_a_block_is_complex():
    """Also where the sink is rotated again: PyTorch compiles few complex operations for a GPU."""
    preset = tiny_preset(rope_cap_frames=8)
    session: EditSession[int] = EditSession(tiny_models(preset))
    clip = moving_square(12, preset)
    with Dtypes() as dtypes:
        for _ in range(4):
            session.push(clip, range(12))
    assert session.state.cache.sink_shift > 0
    assert torch.float32 in dtypes.seen
    assert not any(dtype.is_complex for dtype in dtypes.seen)


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
