"""The number of CPU threads."""

import torch

from lipar_core.errors import LiparError


def set_threads(count: int | None) -> None:
    """Set PyTorch's number of threads, None for its default; raises `LiparError`."""
    if count is None:
        return
    if count < 1:
        raise LiparError(f"--threads = {count}: must be at least 1")
    torch.set_num_threads(count)
