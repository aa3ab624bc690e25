"""The transformer passes of one session's blocks, on tensors at fixed addresses, so that CUDA graphs can replay them.

Graphs belong to a session, not to the networks: they read and write its KV cache, which is too large to be copied for
every pass. They survive changes of prompt, thresholds and strength, whose tensors are copied to the same addresses, and
resets, which keep the cache.
"""

import torch
from torch import Tensor

from lipar_core.kernels.graphs import Recorder, Tensors
from lipar_core.models.interfaces import Denoiser, Modulation, TextKV
from lipar_core.pruning.computed_tokens import ComputedTokens
from lipar_core.pruning.kv_cache import KVCache
from lipar_core.pruning.recovery import CleanPass, DenoisePass, NaivePass, Pass
from lipar_core.pruning.selection import Rule, Selection
from lipar_core.runtime.block_noise import BlockNoise
from lipar_core.runtime.buffers import BlockBuffers
from lipar_core.runtime.fixed_tensors import FixedTensors
from lipar_core.runtime.kept_counts import KeptCounts
from lipar_core.runtime.pass_graphs import PassGraphs


class Passes:
    """Runs the network on the open block's tokens. One at a time: all share their buffers."""

    def __init__(
        self,
        dit: Denoiser,
        cache: KVCache,
        block_frames: int,
        dtype: torch.dtype = torch.float32,
        record: Recorder | None = None,
    ) -> None:
        """dtype: the network's. record: of CUDA graphs; None: there are none."""
        self.dit, self.cache = dit, cache
        self.buffers = BlockBuffers(dit, cache, block_frames, dtype)
        self.noise = BlockNoise(self.buffers.source)
        self.counts = KeptCounts(cache.k_rows.device)  # of a block's kept tokens
        self.tokens = ComputedTokens(cache, block_frames)
        self.text: FixedTensors[TextKV] = FixedTensors()
        self.modulation: FixedTensors[Modulation] = FixedTensors()
        self.graphs = PassGraphs(record)

    def set_text(self, text: TextKV) -> None:
        """The prompt of all passes from here on."""
        if not self.text.set(text):
            self.graphs.clear()

    def select(self, selection: Selection, rule: Rule) -> None:
        """The tokens of the next pass, and what those that it does not compute take their x0 from."""
        self.tokens.load(selection, rule)

    def denoise(self, selection: Selection, modulation: Modulation, *, recovery: bool) -> Tensor:
        """The selected tokens of `buffers.noisy` -> their prediction [size, P], which the next pass overwrites."""
        self._set_modulation(modulation)
        noisy, prediction = self.buffers.noisy[: selection.size], self.buffers.prediction[: selection.size]

        def work() -> Tensors:
            view = DenoisePass(self.cache, self.tokens) if recovery else self._naive(selection, clean=False)
            text, modulation = self.text.value, self.modulation.value
            self.dit(self._network_input(noisy), modulation, self.tokens.rotary, text, view, prediction)
            return (prediction,)

        if recovery and self.cache.is_full:
            self.graphs.run(("denoising step", selection.size, self.tokens.are_all), work)
        else:
            work()
        return prediction

    def cache_clean(self, selection: Selection, x0: Tensor, modulation: Modulation, *, recovery: bool) -> None:
        """Cache keys and values of the finished block, x0 [F * T, P]."""
        self._set_modulation(modulation)
        self.select(selection, "previous_frame")
        clean = torch.index_select(x0, 0, selection.index, out=self.buffers.noisy[: selection.size])
        cache = self.cache

        def work() -> Tensors:
            view = CleanPass(cache, self.tokens) if recovery else self._naive(selection, clean=True)
            if selection.count:
                text, modulation = self.text.value, self.modulation.value
                self.dit.fill_cache(self._network_input(clean), modulation, self.tokens.rotary, text, view)
            else:
                empty = cache.k_rows[0, :0]
                for layer in range(len(cache.k_rows)):
                    view.update(layer, empty, empty)
            return cache.last_k[-1], cache.last_v[-1], cache.k_rows[-1], cache.v_rows[-1]  # they depend on all layers

        if recovery and cache.is_full and not cache.fills_sink:
            state = cache.last_k, cache.last_v
            self.graphs.run(("clean pass", selection.size, self.tokens.are_all), work, state)
        else:
            work()

    def _set_modulation(self, modulation: Modulation) -> None:
        if not self.modulation.set(modulation):
            self.graphs.clear()

    def _naive(self, selection: Selection, *, clean: bool) -> Pass:
        return NaivePass(self.cache, self.tokens, selection, clean=clean)

    def _network_input(self, tokens: Tensor) -> Tensor:
        """tokens, the beginning of `buffers.noisy`, in the network's dtype."""
        converted = self.buffers.network_input[: len(tokens)]
        return tokens if self.buffers.network_input is self.buffers.noisy else converted.copy_(tokens)
