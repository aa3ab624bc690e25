"""Device names and the number of CPU threads."""

import torch

from lipar_core.errors import LiparError


def check_device(name: str) -> torch.device:
    """The device with this name; raises `LiparError` if this machine does not have it."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LiparError(f"device = {name!r}: must be cpu, cuda or cuda:N") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise LiparError(f"device = {name!r}: this machine has {count} usable CUDA devices")
    elif device.type != "cpu":
        raise LiparError(f"device = {name!r}: must be cpu, cuda or cuda:N")
    return device


def set_threads(count: int | None) -> None:
    """Set PyTorch's number of threads, None for its default; raises `LiparError`."""
    if count is None:
        return
    if count < 1:
        raise LiparError(f"--threads = {count}: must be at least 1")
    torch.set_num_threads(count)
