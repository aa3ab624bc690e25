"""What the causal Wan transformer computes of a timestep."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Modulation:
    """Shifts, scales and gates of one timestep, for all layers: computed once per schedule, not per pass."""

    layers: Tensor  # [layers, 6, ..., 1, dim]: shift, 1 + scale, gate of attention, then of the feed-forward
    head: Tensor  # [2, ..., 1, dim]: shift, 1 + scale

    def next_norm(self, layer: int) -> tuple[Tensor, Tensor]:
        """Shift and 1 + scale of the norm that follows a layer (-1: the embedding)."""
        following = self.layers[layer + 1] if layer + 1 < len(self.layers) else self.head
        return following[0], following[1]
