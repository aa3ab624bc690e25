"""Which number type training multiplies in on this processor."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from lipar_core.precision import bfloat16_is_faster, measure_operations


def autocast_is_faster() -> bool:
    """Whether matrix products and convolutions both are: autocast has one switch for them."""
    seconds = measure_operations()
    return bfloat16_is_faster(seconds, "linear") and bfloat16_is_faster(seconds, "convolution")


@contextmanager
def mixed_precision(enabled: bool) -> Iterator[None]:
    """Matrix products in bfloat16; attention as plain products too, whose backward pass is the faster one on a CPU."""
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled), sdpa_kernel(SDPBackend.MATH):
        yield
