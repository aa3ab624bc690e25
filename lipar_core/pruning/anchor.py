"""The anchor rule: compute a token when its source has moved from what it was when last computed."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.parameters import Pruning
from lipar_core.pruning.masks import at_least
from lipar_core.pruning.source_noise import SourceNoise

FRAMES_PER_LATENT = 4
TILE = 8  # pixels: a small sharp change must not drown in its token's mean
TILE_FACTOR = 2.0  # times the threshold, for the worst tile of a single frame
PATIENCE = 1.25  # times the threshold: a token that has moved by less waits for its turn, and drift costs evenly
TURNS = 4  # latent frames until every token has had its turn
LEVELS = 255


@dataclass(slots=True)
class Anchors:
    """What every token was computed from, and when."""

    source: Tensor  # [4, 3, H, W] in levels
    block: Tensor  # number of that block [rows, cols]


class AnchorDetector:
    """Source frames in, keep mask out. Causal; its state makes splits invisible; nothing is read back to the host."""

    def __init__(self, rows: int, cols: int, block_frames: int) -> None:
        self.rows, self.cols, self.block_frames = rows, cols, block_frames
        self.noise = SourceNoise(rows, cols)
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next block is its first."""
        self.frames = 0  # latent frames seen
        self.anchors: Anchors | None = None
        self.noise.reset()

    def __call__(self, frames: Tensor, pruning: Pruning, *, force: bool = False) -> Tensor:
        """frames [4F, 3, H, W] in [0, 1] -> keep [F, rows, cols] bool. `force` keeps all, as a stream's first block."""
        levels = frames.float() * LEVELS
        return torch.stack([self._latent_frame(part, pruning, force) for part in levels.split(FRAMES_PER_LATENT)])

    def _latent_frame(self, now: Tensor, pruning: Pruning, force: bool) -> Tensor:
        block = self.frames // self.block_frames
        sigma = self.noise.update(now[-1])
        if self.anchors is None:
            self.anchors = Anchors(now, torch.zeros(self.rows, self.cols, dtype=torch.long, device=now.device))
        mean, worst = token_change(now, self.anchors.source)
        change = torch.maximum(mean, worst / TILE_FACTOR**2)
        limit = pruning.threshold**2 + 2 * sigma**2  # two frames' noise adds up
        keep = (change > PATIENCE**2 * limit) | ((change > limit) & self._turn(change))
        if pruning.min_keep > 0:
            keep = at_least(keep, mean, pruning.min_keep)
        if pruning.max_age > 0 and self.frames % self.block_frames == 0:
            keep = keep | self._due(block, self.anchors.block, pruning.max_age)
        if force or not pruning.enabled or block == 0:
            keep = torch.ones_like(keep)
        self._move(now, keep, block)
        return keep

    def _turn(self, change: Tensor) -> Tensor:
        """Whose turn it is to be computed for a change that can wait: every token's once in `TURNS`, in diagonals."""
        row, col = (torch.arange(size, device=change.device) for size in change.shape)
        return (2 * row[:, None] + col + self.frames) % TURNS == 0

    def _due(self, block: int, computed: Tensor, max_age: int) -> Tensor:
        """Tokens that would grow older than `max_age` before their next turn; turns are spread over blocks."""
        period = max(1, max_age // 2)
        place = torch.arange(computed.numel(), device=computed.device).view_as(computed)
        turn = (place + block) % period == 0
        return turn & (block - computed + period > max_age)

    def _move(self, now: Tensor, keep: Tensor, block: int) -> None:
        """Anchor what is kept."""
        assert self.anchors is not None
        height, width = now.shape[-2] // self.rows, now.shape[-1] // self.cols
        pixels = keep.repeat_interleave(height, 0).repeat_interleave(width, 1)
        self.anchors.source = torch.where(pixels, now, self.anchors.source)
        self.anchors.block = torch.where(keep, block, self.anchors.block)
        self.frames += 1


def token_change(now: Tensor, anchor: Tensor) -> tuple[Tensor, Tensor]:
    """[4, 3, H, W] twice -> mean square change of every token, and of the worst tile of one of its frames."""
    tiles = F.avg_pool2d((now - anchor).square().mean(dim=1), TILE)  # [4, H / 8, W / 8]
    return F.avg_pool2d(tiles.mean(dim=0)[None], 2)[0], F.max_pool2d(tiles.amax(dim=0)[None], 2)[0]
