"""Restoration: x0 of pruned tokens, filled in after every denoising step."""

from typing import Literal

from torch import Tensor

from lipar_core.config import Prediction
from lipar_core.flow import x0_from_prediction
from lipar_core.kernels.restored_x0 import restored_x0
from lipar_core.pruning.selection import Selection

Rule = Literal["previous_frame", "previous_block"]


def restore(
    x: Tensor,
    prediction: Tensor,
    previous: Tensor | None,
    selection: Selection,
    rule: Rule,
    sigma: float,
    kind: Prediction,
) -> Tensor:
    """x and prediction [K, P], previous [T, P] (the frame before the block) -> x0 of the whole block [F * T, P]."""
    if selection.all_kept:
        return x0_from_prediction(x, prediction, sigma, kind)
    assert previous is not None, "the first block of a stream is kept in full"
    return restored_x0(x, prediction, previous, selection.source(rule), sigma, kind)
