"""Three-dimensional rotary position embedding of Wan 2.1: interleaved pairs, theta 10000 on each axis."""

from collections.abc import Sequence

import torch
from torch import Tensor

THETA = 10000.0


class RotaryTable:
    """Rotary factors of a grid of tokens: cosine and sine of each pair in turn.

    Angles are computed in float64, factors kept in float32.
    """

    def __init__(self, head_dim: int, rows: int, cols: int, device: torch.device | str = "cpu") -> None:
        pairs = head_dim // 2
        self.axis_pairs = (pairs - 2 * (pairs // 3), pairs // 3, pairs // 3)  # time, rows, columns
        self.device = device
        time, *space = (_frequencies(count) for count in self.axis_pairs)
        row = _factors(_positions(range(rows)), space[0])[:, None].expand(rows, cols, -1)
        col = _factors(_positions(range(cols)), space[1])[None].expand(rows, cols, -1)
        self.time = time.to(device)  # frequencies
        self.space = torch.cat([row, col], dim=-1).flatten(0, 1).to(device)  # [T, factors of row and column]

    def at(self, frames: Sequence[int]) -> Tensor:
        """Factors of every token of latent frames at these temporal positions [F, T, D]."""
        factors = self.allocate(len(frames))
        self.move(factors, frames)
        return factors

    def allocate(self, frames: int) -> Tensor:
        """As `at`, for so many latent frames, whose temporal positions `move` has to set."""
        tokens, in_space = self.space.shape
        factors = torch.zeros(frames, tokens, self._in_time + in_space, device=self.device)
        factors[..., self._in_time :] = self.space
        return factors

    def move(self, factors: Tensor, frames: Sequence[int]) -> None:
        """Set the temporal positions of factors [F, T, D]."""
        factors[..., : self._in_time] = _factors(_positions(frames, self.device), self.time)[:, None]

    @property
    def _in_time(self) -> int:
        """How many of a token's factors are of its temporal position."""
        return 2 * self.axis_pairs[0]


def rotate(x: Tensor, factors: Tensor) -> Tensor:
    """x [..., N, H, D] rotated by factors [..., N, D]; computed in float32, returned in x's dtype.

    (even * cosine - odd * sine, even * sine + odd * cosine) of each pair, on whole rows: on a CPU a stride of two takes
    twice as long.
    """
    pairs: Tensor = factors.unflatten(-1, (-1, 2))
    cosines = pairs[..., :1].expand(pairs.shape).flatten(-2).unsqueeze(-2)
    sines = factors.clone()
    sines[..., 0::2].zero_()  # so that each element takes its partner's value alone
    sines = sines.unsqueeze(-2)[..., 1:]
    values = x.float()
    rotated = values * cosines
    rotated[..., :-1].addcmul_(values[..., 1:], sines, value=-1)
    rotated[..., 1:].addcmul_(values[..., :-1], sines)
    return rotated.to(x.dtype)


def _positions(frames: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """A range is made on the device: an upload would wait for it."""
    if isinstance(frames, range):
        return torch.arange(frames.start, frames.stop, frames.step, dtype=torch.float64, device=device)
    return torch.tensor(list(frames), dtype=torch.float64, device=device)


def _frequencies(pairs: int) -> Tensor:
    return THETA ** -(torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))


def _factors(positions: Tensor, frequencies: Tensor) -> Tensor:
    """[N] and [pairs] -> [N, 2 * pairs]"""
    angles = torch.outer(positions, frequencies)
    return torch.stack([angles.cos(), angles.sin()], dim=-1).flatten(-2).float()
