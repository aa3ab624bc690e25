"""What the blocks of a session are computed in: allocated once, at addresses that CUDA graphs have."""

import torch
from torch import Tensor

from lipar_core.models.interfaces import Denoiser
from lipar_core.pruning.kv_cache import KVCache


class BlockBuffers:
    """The tokens of a block at all stages. Only the networks compute in 16 bits: what is float32 stays so."""

    def __init__(self, dit: Denoiser, cache: KVCache, block_frames: int, dtype: torch.dtype) -> None:
        """dtype: the network's."""
        config = dit.config
        size = block_frames * cache.tokens, config.channels * config.patch**2

        def tokens(dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=cache.k_rows.device)

        self.source = tokens()
        self.noisy = tokens()  # compact: only those that are computed
        self.network_input = self.noisy if dtype == torch.float32 else tokens(dtype)
        self.prediction = tokens()  # compact
        frame = tokens()[: cache.tokens]
        self.source_before = frame.clone()  # of the last frame before the block
        self.joined_sources = torch.cat([self.source, frame])  # of the computed tokens, then of the frame before
        self._x0 = [tokens(), tokens()]  # of the newest block and the one before, whose last frame the newest needs

    def next_x0(self) -> Tensor:
        """Where to put x0 of the next block [F * T, P]; that of the block before stays."""
        self._x0.reverse()
        return self._x0[0]
