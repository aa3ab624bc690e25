"""The KV cache of published streaming code: frames lie in order, and move when the oldest ones leave."""

import torch
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.kinds.wan import WanConfig
from lipar_core.pruning.selection import Selection
from lipar_core.rope import THETA


class MovingCache:
    """Rotated keys, and values, of the sink and the window, the open block at the end."""

    def __init__(self, config: WanConfig, stream: StreamConfig, device: torch.device, dtype: torch.dtype) -> None:
        self.stream, self.tokens = stream, stream.tokens_per_frame
        rows = (stream.sink_frames + stream.window_frames) * self.tokens
        size = config.layers, rows, config.heads, config.head_dim
        self.k, self.v = torch.zeros(2, *size, device=device, dtype=dtype)
        self.last_k, self.last_v = torch.zeros(2, config.layers, self.tokens, *size[2:], device=device, dtype=dtype)
        self.cached = torch.zeros((), dtype=torch.long, device=device)  # frames, the open block's excluded
        self.end = 0  # temporal position after the newest frame, below `rope_cap_frames`

    @property
    def block_positions(self) -> range:
        return range(self.end, self.end + self.stream.block_frames)

    def make_room(self, frames: int) -> None:
        """Move the window's frames to the front if there is no room for a block, and back in time past the cap."""
        sink, cached = self.stream.sink_frames, int(self.cached.item())
        excess = cached + frames - self.k.shape[1] // self.tokens
        if excess > 0:
            first, last = sink * self.tokens, cached * self.tokens
            kept = (sink + excess) * self.tokens
            for tensor in (self.k, self.v):
                tensor[:, first : last - kept + first] = tensor[:, kept:last].clone()
            self.cached -= excess
        back = self.end + frames - self.stream.rope_cap_frames
        if back > 0:
            window = slice(sink * self.tokens, int(self.cached.item()) * self.tokens)
            factors = rotary_factors(range(-back, -back + 1), self.k.shape[-1], self.stream, self.k.device, space=False)
            for layer in range(len(self.k)):
                self.k[layer, window] = rotated(self.k[layer, window], factors)
            self.end -= back

    def update(
        self, layer: int, k: Tensor, v: Tensor, selection: Selection, factors: Tensor, *, is_clean: bool
    ) -> tuple[Tensor, Tensor]:
        """Store the open block's computed k, un-rotated, and v [K, H, D]; returns what it attends to, copied."""
        if not selection.all_kept:
            # while denoising, pruned tokens have the keys and values of the frame before the block
            source = selection.source("previous_frame" if is_clean else "previous_block")
            k = torch.cat([k.to(self.k.dtype), self.last_k[layer]])[source]
            v = torch.cat([v.to(self.v.dtype), self.last_v[layer]])[source]
        start = int(self.cached.item()) * self.tokens
        stop = start + len(k)
        self.k[layer, start:stop] = rotated(k, factors).to(self.k.dtype)
        self.v[layer, start:stop] = v
        if is_clean:
            self.last_k[layer], self.last_v[layer] = k[-self.tokens :], v[-self.tokens :]
        visible = torch.arange(self.k.shape[1], device=k.device) < stop
        return self.k[layer][visible], self.v[layer][visible]

    def commit(self, frames: int) -> None:
        self.cached += frames
        self.end += frames


def rotary_factors(
    positions: range, head_dim: int, stream: StreamConfig, device: torch.device, *, space: bool = True
) -> Tensor:
    """Factors of the tokens of frames at these positions: complex128 [F * T, D / 2]; without space only of time."""
    pairs = head_dim // 2
    counts = pairs - 2 * (pairs // 3), pairs // 3, pairs // 3
    axes = zip((positions, range(stream.rows), range(stream.cols)), counts, strict=True)
    time, row, col = (_axis(axis, count, device) for axis, count in axes)
    if not space:
        row, col = torch.ones_like(row), torch.ones_like(col)
    size = len(positions), stream.rows, stream.cols, -1
    parts = time[:, None, None].expand(size), row[None, :, None].expand(size), col[None, None].expand(size)
    return torch.cat(parts, dim=-1).flatten(0, 2) if space else torch.cat([part[:, 0, 0] for part in parts], dim=-1)


def rotated(x: Tensor, factors: Tensor) -> Tensor:
    """x [N, H, D] by factors [N or 1, D / 2], in complex128."""
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * factors[:, None]).flatten(-2).to(x.dtype)


def _axis(positions: range, pairs: int, device: torch.device) -> Tensor:
    frequencies = THETA ** -(torch.arange(pairs, dtype=torch.float64, device=device) / max(pairs, 1))
    angles = torch.outer(torch.arange(positions.start, positions.stop, dtype=torch.float64, device=device), frequencies)
    return torch.polar(torch.ones_like(angles), angles)
