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
        time, *space = (_frequencies(count) for count in self.axis_pairs)
        row = _factors(_positions(range(rows)), space[0])[:, None].expand(rows, cols, -1)
        col = _factors(_positions(range(cols)), space[1])[None].expand(rows, cols, -1)
        self.time = time.to(device)  # frequencies
        self.space = torch.cat([row, col], dim=-1).flatten(0, 1).to(device)  # [T, row and column pairs]

    def at(self, frames: Sequence[int]) -> Tensor:
        """Factors of every token of latent frames at these temporal positions: complex64 [F, T, D / 2]."""
        factors = self.allocate(len(frames))
        self.move(factors, frames)
        return factors

    def allocate(self, frames: int) -> Tensor:
        """As `at`, for so many latent frames, whose temporal positions `move` has to set."""
        tokens, pairs = self.space.shape
        factors = torch.zeros(frames, tokens, self.axis_pairs[0] + pairs, dtype=torch.complex64, device=self.device)
        factors[..., self.axis_pairs[0] :] = self.space
        return factors

    def move(self, factors: Tensor, frames: Sequence[int]) -> None:
        """Set the temporal positions of factors [F, T, D / 2]."""
        factors[..., : self.axis_pairs[0]] = _factors(_positions(frames, self.device), self.time)[:, None]


def rotate(x: Tensor, factors: Tensor) -> Tensor:
    """x [..., N, H, D] rotated by factors [..., N, D / 2]; computed in float32, returned in x's dtype."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * factors.unsqueeze(-2)).flatten(-2).to(x.dtype)


def _positions(frames: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """A range is made on the device: an upload would wait for it."""
    if isinstance(frames, range):
        return torch.arange(frames.start, frames.stop, frames.step, dtype=torch.float64, device=device)
    return torch.tensor(list(frames), dtype=torch.float64, device=device)


def _frequencies(pairs: int) -> Tensor:
    return THETA ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))


def _factors(positions: Tensor, frequencies: Tensor) -> Tensor:
    angles = torch.outer(positions, frequencies)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)
