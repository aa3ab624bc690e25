"""Filters on grids of tokens."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.pruning.active_tokens import ActiveTokens

SMOOTHING_SIGMA = 1.5  # tokens


def median3x3(x: Tensor) -> Tensor:
    """Spatial median of [F, rows, cols], edges replicated."""
    return _neighbours(x).median(dim=1).values


def gaussian3x3(x: Tensor) -> Tensor:
    """Spatial Gaussian of [F, rows, cols], edges replicated."""
    offsets = torch.arange(-1.0, 2.0, device=x.device)
    line = torch.exp(-(offsets**2) / (2 * SMOOTHING_SIGMA**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    return (_neighbours(x) * kernel.view(1, 9, 1, 1)).sum(dim=1)


def apply_min_keep(keep: Tensor, score: Tensor, min_keep: float, active: ActiveTokens | None = None) -> Tensor:
    """Add the tokens with the largest score until the ratio `min_keep` is reached; an empty mask stays empty.

    With `active`, only the tokens inside count: those outside are never kept.
    """
    count = keep.numel()
    if active is not None:
        keep, score, count = keep & active.inside, torch.where(active.inside, score, -torch.inf), active.count
    needed = math.ceil(min_keep * count)
    order = torch.where(keep, torch.inf, score).flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(order.numel(), device=order.device))
    return keep | ((rank.view_as(keep) < needed) & keep.any())


def _neighbours(x: Tensor) -> Tensor:
    """[F, rows, cols] -> [F, 9, rows, cols], edges replicated."""
    padded = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")
    return F.unfold(padded, 3).view(len(x), 9, *x.shape[-2:])
