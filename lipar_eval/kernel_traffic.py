"""The bytes that our kernels read and write: inputs once, outputs once, of gathers and scatters their rows only."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lipar_core.kernels.linear_gelu import linear_gelu
from lipar_core.kernels.noisy_tokens import noisy_tokens
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.qk_norm_rope import qk_norm_rope
from lipar_core.kernels.residual_norm import residual_norm
from lipar_core.kernels.rope_scatter import rope_scatter
from lipar_core.kernels.rotate_frames import rotate_frames

# products and norms: what they return must be allocated
PRODUCTS_AND_NORMS: frozenset[Operation[Any, Any]] = frozenset({linear_gelu, residual_norm, qk_norm_rope})


def kernel_traffic(operation: Operation[Any, Any], inputs: list[Tensor], outputs: list[Tensor]) -> int:
    """inputs and outputs: the tensors among its arguments and results."""
    count = TRAFFIC.get(operation)
    return count(inputs, outputs) if count is not None else sum(map(stored_bytes, [*inputs, *outputs]))


def stored_bytes(value: Tensor) -> int:
    """Of a tensor's different elements: an expanded one is read once."""
    expanded = [size for size, stride in zip(value.shape, value.stride(), strict=True) if stride == 0]
    count = value.numel()
    for size in expanded:
        count //= max(size, 1)
    return count * value.element_size()


def _product(_: list[Tensor], __: list[Tensor]) -> int:
    return 0


def _gathered(inputs: list[Tensor], _: list[Tensor]) -> int:
    """x0, noise and index -> out, their rows, mixed."""
    *_, index, out = inputs
    return index.nbytes + 3 * out.nbytes


def _scattered(inputs: list[Tensor], _: list[Tensor]) -> int:
    """k, v, rotary and rows; keys and values of the cache, of which as many rows are written."""
    k, v, rotary, rows, k_cache, v_cache = inputs
    written = k.numel() * k_cache.element_size() + v.numel() * v_cache.element_size()
    return sum(map(stored_bytes, (k, v, rotary, rows))) + written


def _rotated(inputs: list[Tensor], _: list[Tensor]) -> int:
    """source, rotary and slots; the cache, of which these slots are written."""
    source, rotary, slots, cache = inputs
    written = len(slots) * source[:, 0].numel() * cache.element_size()
    return sum(map(stored_bytes, (source, rotary, slots))) + written


TRAFFIC: dict[Operation[Any, Any], Callable[[list[Tensor], list[Tensor]], int]] = {
    linear_gelu: _product,
    noisy_tokens: _gathered,
    rope_scatter: _scattered,
    rotate_frames: _rotated,
}
