"""How long work takes on a device, for choices at start-up."""

import time
from collections.abc import Callable

import torch

REPEATS = 3  # the fastest counts


def fastest_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Waits for the device before and after."""
    times = []
    for _ in range(REPEATS + 1):  # the first chooses the algorithm
        _wait(device)
        started = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - started)
    return min(times[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
