"""Keep masks of whole clips by detectors that no session has: the published one, and pixel difference."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.kernels.cleaned_mask import clean_mask
from lipar_core.kernels.grid_smoothing import gaussian3x3
from lipar_core.kernels.trimmed_distance import trimmed_distance
from lipar_eval.autoencoder import token_pixels


def pixel_change(source: Tensor, stream: StreamConfig) -> Tensor:
    """Mean absolute difference to the previous frame, per token: [F, rows, cols]."""
    before = torch.cat([source[:1], source[:-1]])
    return token_pixels((source - before).abs(), stream).mean(dim=-1).view(-1, stream.rows, stream.cols)


def published_detector(change: Tensor, block_frames: int, tau: float) -> Tensor:
    """The paper's detector (arXiv 2603.05811): change [F, rows, cols] -> keep.

    Its median and its dilation use the next frame, and its drift is not bounded while streaming.
    """
    padded = F.pad(change[None, None], (1, 1, 1, 1, 1, 1), mode="replicate")[0, 0]
    cubes = padded.unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1).flatten(3)
    smooth = _smooth_in_time(gaussian3x3(cubes.median(dim=-1).values))
    raw = torch.stack([clean_mask(frame > tau) for frame in smooth])
    wide = F.max_pool3d(raw[None, None].float(), (3, 5, 5), stride=1, padding=(1, 2, 2))[0, 0] > 0
    return first_block(wide, block_frames)


def largest_changes(change: Tensor, block_frames: int, keep_ratio: float) -> Tensor:
    """A stream's first block and then the tokens that change most, up to `keep_ratio` in all: [F, rows, cols]."""
    score = torch.where(first_block(torch.zeros_like(change).bool(), block_frames), torch.inf, change).flatten()
    keep = torch.zeros_like(score, dtype=torch.bool)
    keep[score.topk(round(keep_ratio * len(score))).indices] = True
    return keep.view_as(change)


def first_block(keep: Tensor, block_frames: int) -> Tensor:
    """The mask with the stream's first block kept in full."""
    return torch.cat([torch.ones_like(keep[:block_frames]), keep[block_frames:]])


def temporal_distance(patches: Tensor) -> Tensor:
    """[F, T, P] -> trimmed distance to the previous frame [F, T], 0 for the first."""
    return torch.cat([torch.zeros_like(patches[:1, :, 0]), trimmed_distance(patches[1:], patches[:-1])])


def _smooth_in_time(x: Tensor) -> Tensor:
    """A Gaussian over {t-1, t} with sigma 1.5, [F, rows, cols]."""
    weight = torch.exp(torch.tensor(-1 / (2 * 1.5**2)))
    return (x + weight * torch.cat([x[:1], x[:-1]])) / (1 + weight)
