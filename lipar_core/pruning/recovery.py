"""Attention recovery: keys and values of pruned tokens.

Each pass implements `CacheView`: `update(layer, k, v)` takes un-rotated k and v [K, H, D] of the computed tokens and
returns all keys and values to attend to. The three classes differ in the keys and values of pruned tokens.
"""

from torch import Tensor

from lipar_core.kernels.rotate_frames import rotate_frames
from lipar_core.pruning.computed_tokens import ComputedTokens
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.selection import Selection

Attended = tuple[Tensor, Tensor, Tensor | None]  # keys, values [L, H, D]; which are present [L] (None: all)


def fill_block(cache: KVCache) -> None:
    """Fill the open block's slots with the clean keys and values of the frame before it, rotated to their own time."""
    frames = len(cache.slots)
    rotate_frames(cache.last_k[:, None], cache.rotary.unflatten(0, (frames, -1)), cache.slots, cache.k_rows)
    cache.v[:, cache.slots] = cache.last_v[:, None].expand(-1, frames, -1, -1, -1)


class DenoisePass:
    """A denoising step: kept tokens overwrite their slots; the others keep the content of `fill_block`."""

    def __init__(self, cache: KVCache, tokens: ComputedTokens) -> None:
        self.cache = cache
        self.rows, self.rotary = tokens.rows, tokens.rotary

    def update(self, layer: int, k: Tensor, v: Tensor) -> Attended:
        self.cache.write(layer, self.rows, self.rotary, k, v)
        return self.cache.read(layer)


class CleanPass:
    """The clean pass: pruned keys and values are copied from the previous frame, frame by frame."""

    def __init__(self, cache: KVCache, tokens: ComputedTokens) -> None:
        self.cache, self.tokens = cache, tokens
        self.rotary = tokens.rotary

    def update(self, layer: int, k: Tensor, v: Tensor) -> Attended:
        if not self.tokens.are_all:
            k, v = self.tokens.with_pruned(k, self.cache.last_k[layer], v, self.cache.last_v[layer])
        self.cache.write(layer, self.cache.rows, self.cache.rotary, k, v)
        self.cache.store_clean(layer, k, v)
        return self.cache.read(layer)


class NaivePass:
    """No recovery (the paper's ablation): pruned tokens are absent, from this block's keys and from later blocks'."""

    def __init__(self, cache: KVCache, tokens: ComputedTokens, selection: Selection, *, clean: bool) -> None:
        self.cache, self.clean = cache, clean
        self.rows, self.rotary = tokens.rows, tokens.rotary
        self.index = selection.index[: selection.count]
        self.total = selection.keep.numel()
        cache.present[cache.slots] = selection.keep
        cache.any_absent = True

    def update(self, layer: int, k: Tensor, v: Tensor) -> Attended:
        self.cache.write(layer, self.rows, self.rotary, k, v)
        if self.clean:
            full = k.new_zeros(2, self.total, *k.shape[1:])
            full[0, self.index] = k[: len(self.index)]
            full[1, self.index] = v[: len(self.index)]
            self.cache.store_clean(layer, full[0], full[1])
        return self.cache.read(layer)


Pass = DenoisePass | CleanPass | NaivePass
