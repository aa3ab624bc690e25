"""Copies between the host and the device, which do not make the host wait while they are queued."""

import torch
from torch import Tensor


class HostCopy:
    """Device to host, one copy at a time; the host waits when it needs it, not for work that is queued after `start`.

    On a GPU through pinned memory, which is allocated for the largest copy so far; on a CPU nothing is copied.
    """

    def __init__(self, device: torch.device) -> None:
        self.on_gpu = device.type == "cuda"
        self._pinned = Pinned()

    def start(self, values: Tensor) -> None:
        """Queue the copy, after what the current stream has queued."""
        self._copy = values
        if self.on_gpu:
            self._copy = self._pinned.like(values).copy_(values, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def wait(self) -> Tensor:
        """The values, on the CPU; the next `start` overwrites them."""
        if self.on_gpu:
            self._event.synchronize()
        return self._copy


class DeviceCopy:
    """Host to device. The one before must have ended: the caller has read something that depends on it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pinned = Pinned()

    def __call__(self, values: Tensor) -> Tensor:
        if self.device.type != "cuda":
            return values.to(self.device)
        return self._pinned.like(values).copy_(values).to(self.device, non_blocking=True)


class Pinned:
    """Memory of the host that the device reads and writes itself."""

    def __init__(self) -> None:
        self._bytes = torch.empty(0, dtype=torch.uint8)

    def like(self, values: Tensor) -> Tensor:
        """A tensor of this shape and dtype, in the same memory as the one before."""
        if self._bytes.numel() < values.nbytes:
            self._bytes = torch.empty(values.nbytes, dtype=torch.uint8, pin_memory=True)
        return self._bytes[: values.nbytes].view(values.dtype).view(values.shape)
