"""Device names."""

import torch

from lipar_core.errors import LiparError


def select_device(name: str) -> torch.device:
    """The device with this name; a CUDA device with a number becomes the process's current one.

    Triton launches kernels on the current device, and CUDA streams and events are created there.
    Raises `LiparError` if this machine does not have it.
    """
    device = _device(name)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return device


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LiparError(f"device = {name!r}: must be cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise LiparError(f"device = {name!r}: must be cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and count == 0:
        raise LiparError(f"device = {name!r}: this machine has no usable CUDA device; preset tiny runs on the CPU")
    if device.type == "cuda" and (device.index or 0) >= count:
        raise LiparError(f"device = {name!r}: this machine has {count} CUDA devices, cuda:0 to cuda:{count - 1}")
    return device
