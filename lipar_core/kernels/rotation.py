"""The rotation of pairs by rotary factors, for kernels that hold a token's whole row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipar_core.kernels.triton_import import Pointer, jit, tl
from lipar_core.rope import RotaryTable

if TYPE_CHECKING:
    from torch import Tensor

    from lipar_core.kernels.shapes import Shapes


def example_factors(shapes: Shapes) -> Tensor:
    """Rotary factors of a block's tokens [F * T, D], for the examples of kernels."""
    table = RotaryTable(shapes.head_dim, shapes.rows, shapes.cols, shapes.device)
    return table.at(range(7, 7 + shapes.block_frames)).flatten(0, 1)


@jit
def rotated_row(row, factors: Pointer, D: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """row [BLOCK] float32, values of several heads of D; factors points at the token's D cosines and sines."""
    even, odd = tl.split(tl.reshape(row, [BLOCK // 2, 2]))
    cosine, sine = tl.split(tl.reshape(tl.load(factors + tl.arange(0, BLOCK) % D), [BLOCK // 2, 2]))
    return tl.reshape(tl.join(even * cosine - odd * sine, even * sine + odd * cosine), [BLOCK])
