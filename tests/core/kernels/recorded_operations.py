"""A stand-in for CUDA graphs on a CPU: it repeats a function and fails where a graph would use stale memory."""

from collections.abc import Callable

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from lipar_core.kernels.graphs import Replay, Tensors

HOST_WAITS = {"aten::item", "aten::_local_scalar_dense", "aten::nonzero"}


class GraphError(RuntimeError):
    """What a graph cannot repeat."""


class RecordedOperations(TorchDispatchMode):
    """The operations of a run and their arguments: numbers; address, shape and dtype of tensors from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, ...]] = []
        self.results: list[Tensor] = []  # kept alive, so that no address is used twice
        self.storages: set[int] = set()  # their addresses

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.name().partition(".")[0] in HOST_WAITS:
            raise GraphError(f"{func} waits for the device")
        given, _ = tree_flatten((args, kwargs or {}))
        self.calls.append((str(func), *(self._described(value) for value in given)))
        result = func(*args, **(kwargs or {}))
        new = [value for value in tree_flatten(result)[0] if isinstance(value, Tensor)]
        self.results += new
        self.storages |= {value.untyped_storage().data_ptr() for value in new}
        return result

    def _described(self, value: object) -> object:
        if not isinstance(value, Tensor):
            return str(value)
        internal = value.untyped_storage().data_ptr() in self.storages
        return (tuple(value.shape), str(value.dtype), "internal" if internal else value.data_ptr())


def record(work: Callable[[], Tensors]) -> tuple[Tensors, Replay]:
    with RecordedOperations() as recorded:
        outputs = work()

    def replay() -> None:
        with RecordedOperations() as repeated:
            results = work()
        for before, now in zip(recorded.calls, repeated.calls, strict=False):
            if before != now:
                raise GraphError(f"recorded {before}, repeated {now}")
        if len(recorded.calls) != len(repeated.calls):
            raise GraphError(f"{len(recorded.calls)} operations recorded, {len(repeated.calls)} repeated")
        for output, result in zip(outputs, results, strict=True):
            output.copy_(result)

    return outputs, replay


class NoAllocation(TorchDispatchMode):
    """Fails if an operation returns memory that none of its arguments has."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = {value.untyped_storage().data_ptr() for value in tree_flatten(args)[0] if isinstance(value, Tensor)}
        for value in tree_flatten(result)[0]:
            if isinstance(value, Tensor) and value.untyped_storage().data_ptr() not in given:
                raise GraphError(f"{func} allocates")
        return result
