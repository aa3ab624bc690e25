"""The tokens that a pass computes, as its tensors at fixed addresses: CUDA graphs have them."""

import torch
from torch import Tensor

from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import Rule, Selection


class ComputedTokens:
    """Cache rows and rotary factors of the tokens that a pass computes, and what the others take their content from."""

    def __init__(self, cache: KVCache, block_frames: int) -> None:
        self.cache = cache
        device, total = cache.k_rows.device, block_frames * cache.tokens
        _, _, heads, head_dim = cache.k_rows.shape
        self._rows = torch.zeros(total, dtype=torch.long, device=device)
        self._rotary = torch.zeros(total, head_dim, device=device)
        self._source = torch.zeros(total, dtype=torch.long, device=device)
        self._everything = torch.arange(total, device=device)
        joined = total + cache.tokens  # the computed tokens, then those of the frame before the block
        self._joined = cache.k_rows.new_zeros(joined, heads, head_dim)
        self._k, self._v = cache.k_rows.new_zeros(2, total, heads, head_dim)
        self._loaded: tuple[Selection, Rule, int] | None = None

    def load(self, selection: Selection, rule: Rule) -> None:
        """Take these tokens of the open block; pads write to the cache's scratch row."""
        cache, size, total = self.cache, selection.size, selection.keep.numel()
        if self._loaded == (selection, rule, cache.frames):
            return
        self._loaded = selection, rule, cache.frames
        self.are_all = selection.all_kept
        if self.are_all:
            self.rows, self.rotary, self.source = cache.rows, cache.rotary, self._everything[:total]
            return
        self.source = self._source[:total].copy_(selection.source(rule))
        self.rows, self.rotary = self._rows[:size], self._rotary[:size]
        torch.index_select(cache.rows, 0, selection.index, out=self.rows)
        self.rows[selection.count :].fill_(cache.scratch_row)
        torch.index_select(cache.rotary, 0, selection.index, out=self.rotary)

    def with_pruned(self, k: Tensor, last_k: Tensor, v: Tensor, last_v: Tensor) -> tuple[Tensor, Tensor]:
        """k and v [K, H, D] of the computed tokens -> the block's [F * T, H, D], which the next layer overwrites.

        last_k, last_v [T, H, D] of the frame before the block.
        """
        total = len(self.source)
        for computed, before, full in ((k, last_k, self._k), (v, last_v, self._v)):
            joined = torch.cat([computed, before], out=self._joined[: len(computed) + len(before)])
            torch.index_select(joined, 0, self.source, out=full[:total])
        return self._k[:total], self._v[:total]
