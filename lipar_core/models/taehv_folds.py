"""Layers of TAEHV with no nonlinearity between them, as one: equal but for rounding, with fewer operations.

`TPool` joins the strided convolution after it. `TGrow` joins the convolution after it, too, and where nearest-neighbour
upsampling comes before them, that convolution has only 2 x 2 different inputs for each of the four output pixels of an
input pixel: four convolutions of 2 x 2 before the upsampling replace one of 3 x 3 after it, with 4/9 of the products.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.models.taehv_layers import TGrow, TPool

TAPS = (
    ((0,), (1, 2)),
    ((0, 1), (2,)),
)  # of an even and an odd output pixel: which fall on one input pixel


class FoldedPool:
    """`TPool` and a convolution with a spatial stride."""

    def __init__(self, pool: TPool, conv: nn.Conv2d) -> None:
        self.stride = pool.stride
        self.space = conv.stride[0]
        self.weight = _joined(conv.weight, pool.conv.weight).to(conv.weight.dtype)

    def set_layout(self, layout: torch.memory_format) -> None:
        self.weight = self.weight.contiguous(memory_format=layout)

    def __call__(self, x: Tensor) -> Tensor:
        """[N * stride, C, H, W] -> [N, C', H / space, W / space]"""
        merged = x.reshape(len(x) // self.stride, -1, *x.shape[2:])
        return F.conv2d(merged, self.weight, stride=self.space, padding=1)


class FoldedGrow:
    """Upsampling by 2, `TGrow` and a convolution."""

    def __init__(self, grow: TGrow, conv: nn.Conv2d) -> None:
        self.stride = grow.stride
        weight = torch.cat([_joined(conv.weight, part) for part in grow.conv.weight.chunk(self.stride)])
        self.weights = {
            (row, col): _summed(weight, TAPS[row], TAPS[col]).to(conv.weight.dtype) for row in (0, 1) for col in (0, 1)
        }

    def set_layout(self, layout: torch.memory_format) -> None:
        self.weights = {at: weight.contiguous(memory_format=layout) for at, weight in self.weights.items()}

    def __call__(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N * stride, C', 2 H, 2 W]"""
        count, _, height, width = x.shape
        padded = F.pad(x, (1, 1, 1, 1))
        out = x.new_empty(count, len(self.weights[0, 0]), 2 * height, 2 * width)
        for (row, col), weight in self.weights.items():
            part = padded[:, :, row : row + height + 1, col : col + width + 1]
            out[:, :, row::2, col::2] = F.conv2d(part, weight)
        return out.view(count * self.stride, -1, 2 * height, 2 * width)


@torch.no_grad()
def folded(layers: Sequence[nn.Module]) -> tuple[Callable[..., Tensor], ...]:
    """The layers with their present weights, folded where it saves products: at every change of resolution."""
    return tuple(_folded(list(layers)))


def _folded(layers: list[nn.Module]) -> Iterator[Callable[..., Tensor]]:
    while layers:
        match layers:
            case [nn.Upsample(scale_factor=2), TGrow() as grow, nn.Conv2d() as conv, *layers]:
                yield FoldedGrow(grow, conv)
            case [TPool() as pool, nn.Conv2d() as conv, *layers] if conv.stride[0] > 1:
                yield FoldedPool(pool, conv)
            case [layer, *layers]:
                yield cast(Callable[..., Tensor], layer)


def _joined(weight: Tensor, before: Tensor) -> Tensor:
    """Weights [O, M, 3, 3] of a convolution and [M, I, 1, 1] of the one before it -> [O, I, 3, 3] of both, float64."""
    return torch.einsum("omyx,mi->oiyx", weight.double(), before[:, :, 0, 0].double())


def _summed(weight: Tensor, rows: Sequence[Sequence[int]], cols: Sequence[Sequence[int]]) -> Tensor:
    """[O, I, 3, 3] -> [O, I, 2, 2], the sums of these rows and columns."""
    weight = torch.stack([weight[:, :, list(taps)].sum(dim=2) for taps in rows], dim=2)
    return torch.stack([weight[:, :, :, list(taps)].sum(dim=3) for taps in cols], dim=3)
