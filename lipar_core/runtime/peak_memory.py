"""Counts the memory that operations take at their most, also without storage: on the meta device as on a real one."""

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
FUSED = {aten.rms_norm, aten.scaled_dot_product_attention}  # have kernels of their own on every device


class PeakMemory(TorchDispatchMode):
    """Bytes allocated while it is entered: those that are in use, and the most at any time.

    What libraries allocate inside an operation, and what an allocator rounds up, is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._counted: dict[int, weakref.finalize[Any, Any]] = {}  # by storage

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket not in FUSED and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), "CompositeImplicitAutograd"
        ):
            with self:
                return func.decompose(*args, **kwargs)
        given = {value.untyped_storage()._cdata for value in _tensors((args, kwargs))}
        out = func(*args, **kwargs)
        for value in _tensors(out):
            storage = value.untyped_storage()
            if storage._cdata not in given and storage._cdata not in self._counted:
                self._add(storage)
        return out

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        self._counted[key] = weakref.finalize(storage, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self.live -= size
        del self._counted[key]


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
