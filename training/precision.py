"""Mixed precision of training on this CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from lipar_core.models.precision import bfloat16_is_faster, measure_operations


def autocast_is_faster() -> bool:
    """Whether bfloat16 is faster for both matrix products and convolutions: autocast has one switch for them."""
    seconds = measure_operations()
    return bfloat16_is_faster(seconds, "linear") and bfloat16_is_faster(seconds, "convolution")


@contextmanager
def mixed_precision(enabled: bool) -> Iterator[None]:
    """Matrix products in bfloat16; attention by plain matrix products, whose backward pass is faster on a CPU."""
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled), sdpa_kernel(SDPBackend.MATH):
        yield
