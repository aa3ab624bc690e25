"""The device's second queue: a block's clean pass runs there, beside what the next block begins with.

The edited frames leave, and the next block is uploaded, converted, encoded and searched for changes, on the current
stream. A block's decoder is not beside its clean pass: both need the whole device, and the frames are urgent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Streams(Protocol):
    """What is used of `torch.cuda`."""

    def new(self) -> Any:
        """A stream beside the current one."""

    def current(self) -> Any:
        """The stream that operations are queued on."""

    def use(self, stream: Any) -> AbstractContextManager[Any]:
        """Operations inside are queued on this stream."""


class CudaStreams:
    """Of one GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def new(self) -> torch.cuda.Stream:
        return torch.cuda.Stream(self.device)

    def current(self) -> torch.cuda.Stream:
        return torch.cuda.current_stream(self.device)

    def use(self, stream: torch.cuda.Stream) -> AbstractContextManager[Any]:
        return torch.cuda.stream(stream)


class SideStream:
    """Shared by all sessions of a device: their passes share memory, and only one of them runs at a time.

    Without streams, as on a CPU, work runs where it is called.
    """

    def __init__(self, streams: Streams | None) -> None:
        self.streams = streams  # None: none is used
        self._side: Any = streams.new() if streams is not None else None
        self._used: object = None  # by work that later work of the current stream does not wait for

    def run(self, work: Callable[[], object], used: object) -> None:
        """Queue work after everything that is queued; what is queued later does not wait for it until `join`.

        used: the tensors that it reads. They are held until then, so that their memory is not used for others.
        """
        self.join()
        if self.streams is None:
            work()
            return
        self._side.wait_stream(self.streams.current())
        with self.streams.use(self._side):
            work()
        self._used = (used,)

    def join(self) -> None:
        """What is queued from here on waits for the work: before anything that it reads or writes is touched."""
        if self.streams is not None and self._used is not None:
            self.streams.current().wait_stream(self._side)
            self._used = None


def side_stream(device: torch.device) -> SideStream:
    """On a GPU with streams."""
    return SideStream(CudaStreams(device) if device.type == "cuda" else None)
