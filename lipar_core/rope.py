"""Three-dimensional rotary position embedding of Wan 2.1: interleaved pairs, theta 10000 on each axis."""

from collections.abc import Sequence

import torch
from torch import Tensor

THETA = 10000.0


class RotaryTable:
    """Rotary factors of a grid of tokens. Angles are computed in float64, factors kept in complex64."""

    def __init__(self, head_dim: int, rows: int, cols: int, device: torch.device | str = "cpu") -> None:
        pairs = head_dim // 2
        self.axis_pairs = (pairs - 2 * (pairs // 3), pairs // 3, pairs // 3)  # time, rows, columns
        self.device = device
        row = _factors(range(rows), self.axis_pairs[1])[:, None].expand(rows, cols, -1)
        col = _factors(range(cols), self.axis_pairs[2])[None].expand(rows, cols, -1)
        self.space = torch.cat([row, col], dim=-1).flatten(0, 1).to(device)  # [T, row and column pairs]

    def at(self, frames: Sequence[int]) -> Tensor:
        """Factors of every token of latent frames at these temporal positions: complex64 [F, T, D / 2]."""
        time = _factors(frames, self.axis_pairs[0]).to(self.device)
        tokens = self.space.shape[0]
        return torch.cat([time[:, None].expand(-1, tokens, -1), self.space.expand(len(time), -1, -1)], dim=-1)


def rotate(x: Tensor, factors: Tensor) -> Tensor:
    """x [..., N, H, D] rotated by factors [..., N, D / 2]; computed in float32, returned in x's dtype."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * factors.unsqueeze(-2)).flatten(-2).to(x.dtype)


def _factors(positions: Sequence[int], pairs: int) -> Tensor:
    frequencies = THETA ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    angles = torch.outer(torch.tensor(list(positions), dtype=torch.float64), frequencies)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)
