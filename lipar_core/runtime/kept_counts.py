"""What the host reads of a block: how many tokens are kept, which decides the shapes of its passes."""

import torch
from torch import Tensor

from lipar_core.runtime.host_copy import HostCopy


class KeptCounts:
    """Read once per block. `start` queues the copy; `wait` is the only time that the host waits in a block."""

    def __init__(self, device: torch.device) -> None:
        self._copy = HostCopy(device)
        self._frames = 0

    def start(self, keep: Tensor, noise_levels: Tensor | None) -> None:
        """keep [F, T] bool; noise_levels: one number, if the detector estimates it."""
        self._frames = len(keep)
        counts = keep.sum(dim=1).double()
        self._copy.start(counts if noise_levels is None else torch.cat([counts, noise_levels.double().view(1)]))

    def wait(self) -> tuple[list[int], float | None]:
        """Kept tokens per frame, and the noise."""
        values = self._copy.wait().tolist()
        return [int(count) for count in values[: self._frames]], (values[self._frames :] or [None])[0]
