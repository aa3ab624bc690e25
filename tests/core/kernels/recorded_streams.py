"""A stand-in for CUDA streams on a CPU: it finds operations that could run before what they depend on.

Each stream counts its operations and knows, as a vector clock, how far it has waited for every other one.
"""

import weakref
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class RecordedStream:
    """A queue of operations."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.operations = 0
        self.waited: Clock = {}  # operations of others that have ended before the next one

    def wait_stream(self, other: "RecordedStream") -> None:
        for stream, count in {**other.waited, other: other.operations}.items():
            self.waited[stream] = max(self.waited.get(stream, 0), count)

    def has_waited_for(self, uses: "Clock") -> bool:
        return all(stream is self or self.waited.get(stream, 0) >= count for stream, count in uses.items())


Clock = dict[RecordedStream, int]  # the newest operation of each stream


class RecordedStreams(TorchDispatchMode):
    """`Streams` whose operations are recorded while it is entered; `races` names those that did not wait.

    Also of memory that is freed while another stream uses it: its own stream then gives it to the next tensor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stream = self.main = RecordedStream("main")
        self.on_side: list[str] = []  # operations
        self.races: list[str] = []
        self.writes: dict[int, Clock] = {}  # by storage
        self.uses: dict[int, Clock] = {}  # writes and reads
        self.owners: dict[int, RecordedStream] = {}  # that allocated it

    def new(self) -> RecordedStream:
        return RecordedStream("side")

    def current(self) -> RecordedStream:
        return self.stream

    @contextmanager
    def use(self, stream: RecordedStream):
        before, self.stream = self.stream, stream
        yield
        self.stream = before

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:
                return func.decompose(*args, **kwargs)
        given = storages((args, kwargs))
        out = func(*args, **kwargs)
        if func.is_view:
            return out
        self.stream.operations += 1
        if self.stream is not self.main:
            self.on_side.append(str(func.overloadpacket))
        new = {key: storage for key, storage in storages(out).items() if key not in given.keys() | self.owners.keys()}
        for key, storage in new.items():
            self.owners[key] = self.stream
            weakref.finalize(storage, self._free, key)
        changed = storages(written(func, args, kwargs)).keys() | new.keys()
        for key in given.keys() | new.keys():
            before = (self.uses if key in changed else self.writes).get(key, {})
            if not self.stream.has_waited_for(before):
                self.races.append(f"{func} on {self.stream.name}")
            for clocks in (self.uses, self.writes) if key in changed else (self.uses,):
                clocks.setdefault(key, {})[self.stream] = self.stream.operations
        return out

    def _free(self, key: int) -> None:
        owner = self.owners.pop(key)
        if not owner.has_waited_for(self.uses.pop(key)):
            self.races.append(f"memory of {owner.name} freed in use")
        self.writes.pop(key)


def written(func, args, kwargs) -> list[object]:
    """The arguments that an operation changes."""
    named = {argument.name: value for argument, value in zip(func._schema.arguments, args, strict=False)} | kwargs
    aliases = ((argument.name, argument.alias_info) for argument in func._schema.arguments)
    return [named.get(name) for name, alias in aliases if alias is not None and alias.is_write]


def storages(values: object) -> dict[int, torch.UntypedStorage]:
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    return {tensor.untyped_storage()._cdata: tensor.untyped_storage() for tensor in tensors}
