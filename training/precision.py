"""Which number type this processor multiplies fastest."""

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

SIZE, REPEATS = 512, 10  # of the matrices of the trial


@functools.cache
def bfloat16_is_faster() -> bool:
    """Try both. Five times as fast on a CPU with AVX-512 BF16 or AMX, and much slower on one without."""
    return _seconds(torch.bfloat16) < 0.5 * _seconds(torch.float32)


@contextmanager
def mixed_precision(enabled: bool) -> Iterator[None]:
    """Matrix products in bfloat16; attention as plain products too, whose backward pass is the faster one on a CPU."""
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled), sdpa_kernel(SDPBackend.MATH):
        yield


def _seconds(dtype: torch.dtype) -> float:
    a, b = (torch.ones(SIZE, SIZE, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(REPEATS):
        begin = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - begin)
    return best
