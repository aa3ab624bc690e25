"""The transformer passes of one session's blocks, on tensors at fixed addresses, so that CUDA graphs can replay them.

Graphs belong to a session, not to the networks: they read and write its KV cache, which is too large to be copied for
every pass. They survive changes of prompt, thresholds and strength, whose tensors are copied to the same addresses, and
resets, which keep the cache.
"""

import torch
from torch import Tensor

from lipar_core.models.interfaces import Denoiser, Modulation, TextKV
from lipar_core.pruning.computed_tokens import ComputedTokens
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.recovery import CleanPass, DenoisePass, NaivePass, Pass
from lipar_core.pruning.selection import Rule, Selection
from lipar_core.runtime.buffers import BlockBuffers
from lipar_core.runtime.fixed_tensors import FixedTensors


class Passes:
    """Runs the network on the open block's tokens. One at a time: all share their buffers."""

    def __init__(self, dit: Denoiser, cache: KVCache, block_frames: int, dtype: torch.dtype = torch.float32) -> None:
        """dtype: the network's."""
        self.dit, self.cache = dit, cache
        self.buffers = BlockBuffers(dit, cache, block_frames, dtype)
        self.tokens = ComputedTokens(cache, block_frames)
        self.text: FixedTensors[TextKV] = FixedTensors()
        self.modulation: FixedTensors[Modulation] = FixedTensors()

    def set_text(self, text: TextKV) -> None:
        """The prompt of all passes from here on."""
        self.text.set(text)

    def select(self, selection: Selection, rule: Rule) -> None:
        """The tokens of the next pass, and what those that it does not compute take their x0 from."""
        self.tokens.load(selection, rule)

    def denoise(self, selection: Selection, modulation: Modulation, *, recovery: bool) -> Tensor:
        """The selected tokens of `buffers.noisy` -> their prediction [size, P], which the next pass overwrites."""
        self.modulation.set(modulation)
        view = DenoisePass(self.cache, self.tokens) if recovery else self._naive(selection, clean=False)
        size = selection.size
        return self.dit(
            self._network_input(self.buffers.noisy[:size]),
            self.modulation.value,
            self.tokens.rotary,
            self.text.value,
            view,
            self.buffers.prediction[:size],
        )

    def cache_clean(self, selection: Selection, x0: Tensor, modulation: Modulation, *, recovery: bool) -> None:
        """Cache keys and values of the finished block, x0 [F * T, P]."""
        self.modulation.set(modulation)
        self.select(selection, "previous_frame")
        clean = torch.index_select(x0, 0, selection.index, out=self.buffers.noisy[: selection.size])
        view = CleanPass(self.cache, self.tokens) if recovery else self._naive(selection, clean=True)
        if selection.count:
            tokens = self._network_input(clean)
            self.dit.fill_cache(tokens, self.modulation.value, self.tokens.rotary, self.text.value, view)
        else:
            empty = self.cache.k_rows[0, :0]
            for layer in range(len(self.cache.k_rows)):
                view.update(layer, empty, empty)

    def _naive(self, selection: Selection, *, clean: bool) -> Pass:
        return NaivePass(self.cache, self.tokens, selection, clean=clean)

    def _network_input(self, tokens: Tensor) -> Tensor:
        """tokens, the beginning of `buffers.noisy`, in the network's dtype."""
        converted = self.buffers.network_input[: len(tokens)]
        return tokens if self.buffers.network_input is self.buffers.noisy else converted.copy_(tokens)
