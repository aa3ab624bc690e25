"""Counts what PyTorch operations do, deterministically, on any machine: the same numbers with and without a GPU.

An operation that PyTorch composes of others counts as those, except for norms, attention and interpolation, which have
kernels of their own on every device. Views are free.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

aten = torch.ops.aten
MIN_ALLOCATION = 64 * 1024  # bytes: smaller allocations are not counted
FUSED = {aten.rms_norm, aten.scaled_dot_product_attention, aten.upsample_bilinear2d}
PRODUCTS = {aten.mm, aten.addmm, aten.bmm, aten.convolution, aten.scaled_dot_product_attention}
ALLOCATORS = {aten.empty, aten.empty_like, aten.new_empty, aten.empty_strided, aten.new_empty_strided}
FREE = {aten._unsafe_view, aten.detach, aten.detach_, aten.lift_fresh}
OVERWRITERS = {aten.copy_, aten.fill_, aten.zero_}  # in place, without reading what was there
SCATTERS = {aten.index_copy_, aten.index_put_}  # read and write only the rows that they are given
HOST_READS = {aten._local_scalar_dense, aten.nonzero, aten.masked_select}  # the host waits for the result
HOST_VALUES = {aten.lift_fresh}  # a tensor made of the host's numbers: on a GPU a pageable copy, which waits
HOST_METHODS = {Tensor.tolist, Tensor.numpy}  # no operations on a CPU


class OperationCounter(TorchDispatchMode):
    """Counts operations, their FLOPs and bytes, allocations and the host's waits while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()  # elementwise: read and written by all but products
        self.allocations: Counter[str] = Counter()  # of `MIN_ALLOCATION` or more
        self.host_waits: Counter[str] = Counter()
        self.flops = 0  # of products

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        packet = func.overloadpacket
        if packet not in FUSED and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), "CompositeImplicitAutograd"
        ):
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        if packet is aten.scaled_dot_product_attention:
            self.flops += sdpa_flop_count(*(value.shape for value in args[:3]))
            out = _token_major(out, args[0])
        elif packet in flop_registry:
            self.flops += flop_registry[packet](*args, **kwargs, out_val=out)
        self._count(func, _tensors((args, kwargs)), _tensors(out))
        return out

    def _count(self, func: Any, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        packet, name = func.overloadpacket, str(func.overloadpacket)
        self.host_waits[name] += packet in HOST_READS or packet in HOST_VALUES or _moves_device(inputs, outputs)
        if func.is_view or packet in FREE:
            return
        new = [out for out in outputs if all(out is not given for given in inputs)]
        self.allocations[name] += sum(out.nbytes >= MIN_ALLOCATION for out in new)
        if packet in ALLOCATORS:
            return
        self.operations[name] += 1
        if packet not in PRODUCTS:
            self.bytes[name] += _traffic(packet, inputs, outputs)


class HostReads(TorchFunctionMode):
    """Counts the reads of tensors by the host that are no operations on a CPU, into the counter's `host_waits`."""

    def __init__(self, counter: OperationCounter) -> None:
        super().__init__()
        self.counter = counter

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in HOST_METHODS:
            self.counter.host_waits[func.__name__] += 1
        return func(*args, **(kwargs or {}))


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _traffic(packet: Any, inputs: list[Tensor], outputs: list[Tensor]) -> int:
    """Bytes read and written; an expanded tensor is read once."""
    if packet in SCATTERS:
        return 2 * _stored_bytes(inputs[-1])
    read = inputs[1:] if packet in OVERWRITERS else inputs
    return sum(map(_stored_bytes, [*read, *outputs]))


def _stored_bytes(value: Tensor) -> int:
    expanded = [size for size, stride in zip(value.shape, value.stride(), strict=True) if stride == 0]
    count = value.numel()
    for size in expanded:
        count //= max(size, 1)
    return count * value.element_size()


def _moves_device(inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Whether the result is on another device than the data."""
    return bool(inputs and outputs) and inputs[0].device != outputs[0].device and inputs[0].dim() > 0


def _token_major(out: Tensor, queries: Tensor) -> Tensor:
    """The layout that attention's kernels return, the queries'; without storage PyTorch returns another."""
    return torch.empty_like(queries) if out.is_meta else out
