"""Rules on keep masks."""

import math

import torch
from torch import Tensor

from lipar_core.pruning.active_tokens import ActiveTokens


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
