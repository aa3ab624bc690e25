"""Restoration: x0 of pruned tokens, filled in after every denoising step."""

from typing import Literal

import torch
from torch import Tensor

from lipar_core.pruning.selection import Selection


def restore(
    kept: Tensor, previous: Tensor | None, selection: Selection, rule: Literal["previous_frame", "previous_block"]
) -> Tensor:
    """kept [K, P], previous [T, P] (the last frame before the block) -> x0 of the whole block [F * T, P]."""
    if selection.all_kept:
        return kept
    assert previous is not None, "the first block of a stream is kept in full"
    return torch.cat([kept, previous]).index_select(0, selection.source(rule))
