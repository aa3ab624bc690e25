"""Counts what PyTorch operations do, deterministically, on any machine: the same numbers with and without a GPU.

An operation that PyTorch composes of others counts as those, except for norms, attention and interpolation, which have
kernels of their own on every device. Ours (`lipar_core/kernels`) count as one, too, with the bytes that their kernels
move, also where their references run. Views are free.
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

from lipar_core.kernels.operation import Operation
from lipar_eval.kernel_traffic import PRODUCTS_AND_NORMS, kernel_traffic, stored_bytes

aten = torch.ops.aten
MIN_ALLOCATION = 64 * 1024  # bytes: smaller allocations are not counted
FUSED = {aten.rms_norm, aten.scaled_dot_product_attention, aten.upsample_bilinear2d}
PRODUCTS = {aten.mm, aten.addmm, aten.bmm, aten.convolution, aten.scaled_dot_product_attention}
NORMS = {aten.rms_norm, aten.native_layer_norm}
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
        self.expected: Counter[str] = Counter()  # of these, the outputs of products, attention and norms
        self.host_waits: Counter[str] = Counter()
        self.flops = 0  # of products
        self.in_kernel = False  # what it is made of is not counted

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
        self.host_waits[str(packet)] += packet is aten.copy_ and _waits(*args, **kwargs)
        self._count(func, _tensors(args), _tensors(kwargs), _tensors(out))
        return out

    def _count(self, func: Any, read: list[Tensor], named: list[Tensor], outputs: list[Tensor]) -> None:
        """read: the positional arguments; named: the others, of which those that are also outputs are only written."""
        inputs = [*read, *named]
        packet, name = func.overloadpacket, str(func.overloadpacket)
        self.host_waits[name] += packet in HOST_READS or packet in HOST_VALUES or _moves_device(inputs, outputs)
        if func.is_view or packet in FREE or self.in_kernel:
            return
        self._count_allocations(name, inputs, outputs, expected=packet in PRODUCTS | NORMS)
        if packet in ALLOCATORS:
            return
        self.operations[name] += 1
        if packet not in PRODUCTS:
            read += [value for value in named if all(value is not out for out in outputs)]
            self.bytes[name] += _traffic(packet, read, outputs)

    def count_kernel(self, operation: Operation[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one of our operations and count it as one."""
        self.in_kernel = True
        try:
            out = operation(*args, **kwargs)
        finally:
            self.in_kernel = False
        inputs, outputs = _tensors((args, kwargs)), _tensors(out)
        self._count_allocations(operation.name, inputs, outputs, expected=operation in PRODUCTS_AND_NORMS)
        self.operations[operation.name] += 1
        self.bytes[operation.name] += kernel_traffic(operation, inputs, outputs)
        return out

    def _count_allocations(self, name: str, inputs: list[Tensor], outputs: list[Tensor], *, expected: bool) -> None:
        new = [out for out in outputs if all(out is not value for value in inputs)]
        count = sum(out.nbytes >= MIN_ALLOCATION for out in new)
        self.allocations[name] += count
        self.expected[name] += count if expected else 0


class CalledFunctions(TorchFunctionMode):
    """Counts what the dispatcher does not see: our kernels as one operation each, the host's reads of CPU tensors."""

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
        if isinstance(func, Operation):
            return self.counter.count_kernel(func, args, kwargs or {})
        if func in HOST_METHODS:
            self.counter.host_waits[func.__name__] += 1
        return func(*args, **(kwargs or {}))


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _traffic(packet: Any, inputs: list[Tensor], outputs: list[Tensor]) -> int:
    """Bytes read and written; an expanded tensor is read once."""
    if packet in SCATTERS:
        return 2 * stored_bytes(inputs[-1])
    read = inputs[1:] if packet in OVERWRITERS else inputs
    return sum(map(stored_bytes, [*read, *outputs]))


def _moves_device(inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Whether the result is on another device than the data."""
    return bool(inputs and outputs) and inputs[0].device != outputs[0].device and inputs[0].dim() > 0


def _waits(target: Tensor, values: Tensor, non_blocking: bool = False) -> bool:
    """Whether this copy makes the host wait."""
    return target.device != values.device and not non_blocking


def _token_major(out: Tensor, queries: Tensor) -> Tensor:
    """The layout that attention's kernels return, the queries'; without storage PyTorch returns another."""
    return torch.empty_like(queries) if out.is_meta else out
