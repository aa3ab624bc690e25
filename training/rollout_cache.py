"""The KV cache with recovery for training, which supports gradients and batches.

One latent frame per block, as in the tiny preset. The product's cache writes in place; here frames are concatenated.
"""

import torch
from torch import Tensor

from lipar_core.pruning.selection import Selection
from lipar_core.rope import RotaryTable, rotate


class RolloutCache:
    """Keys and values of a rollout: sink, window and the open frame; tensors [B, T, H, D] per frame."""

    def __init__(self, layers: int, rope: RotaryTable, sink: int, window: int, first_position: int) -> None:
        """`first_position`: of the first frame after the sink, so that training covers all distances to the sink."""
        self.rope = rope
        self.sink = sink
        self.window = window
        self.gap = first_position - sink
        self.past: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(layers)]
        self.clear()

    def clear(self) -> None:
        """Discard all frames: the next one is the first."""
        for frames in self.past:
            frames.clear()
        self.frames = 0
        self.clean = False
        self.open(None)

    def open(self, selection: Selection | None) -> None:
        """Open the next frame; `selection` has the computed tokens (None: all)."""
        self.selection = selection
        full = self.rope.at([self._position(self.frames)])[0]
        self.rotary = full if selection is None else full[selection.index]
        self.source = None if selection is None else selection.source()

    def close(self) -> None:
        """Close the frame after its clean pass."""
        self.frames += 1

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, None]:
        past = self.past[layer]
        if self.source is not None:
            k, v = (
                torch.cat([x, before], dim=1).index_select(1, self.source)
                for x, before in zip((k, v), past[-1], strict=True)
            )
        frames = [*past, (k, v)]
        if self.clean:
            past.append((k, v))
        seen = [i for i in range(len(frames)) if i < self.sink or i >= len(frames) - self.window]
        keys = [rotate(frames[i][0], self.rope.at([self._position(i)])[0]) for i in seen]
        return torch.cat(keys, dim=1), torch.cat([frames[i][1] for i in seen], dim=1), None

    def _position(self, frame: int) -> int:
        return frame if frame < self.sink else frame + self.gap
