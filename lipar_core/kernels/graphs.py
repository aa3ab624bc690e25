"""CUDA graphs of functions of tensors with fixed shapes: one launch instead of one per operation."""

import functools
import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lipar_core.kernels.self_test import difference, failure_text

log = logging.getLogger(__name__)

Tensors = tuple[Tensor, ...]
Function = Callable[..., Tensors]
Replay = Callable[[], None]
Recorder = Callable[[Callable[[], Tensors]], tuple[Tensors, Replay]]  # the work's outputs, and what repeats it
Layout = tuple[torch.Size, torch.dtype, torch.device]

MAX_GRAPHS = 16  # of one function: each holds its inputs and outputs


class FixedGraph:
    """One recording of a function: a call copies its inputs to fixed addresses and replays."""

    def __init__(self, function: Function, inputs: Sequence[Tensor], record: Recorder) -> None:
        self.inputs = tuple(value.clone() for value in inputs)
        self.outputs, self._replay = record(lambda: function(*self.inputs))

    def __call__(self, *inputs: Tensor) -> Tensors:
        """The outputs, which the next call overwrites. Raises `ValueError` for inputs of another layout."""
        called, recorded = layouts(inputs), layouts(self.inputs)
        if called != recorded:
            raise ValueError(f"a graph recorded with inputs {recorded} was called with {called}")
        for buffer, value in zip(self.inputs, inputs, strict=True):
            buffer.copy_(value)
        self._replay()
        return self.outputs


class GraphedFunction:
    """A function that is replayed as a graph, one for each layout of its inputs, recorded when it is first needed.

    The graph is compared with the function before it is used. One that differs or cannot be recorded is not used, with
    a line in the log. Outputs are copies: several streams can share the graphs. Without gradients only.
    """

    def __init__(self, name: str, function: Function, record: Recorder) -> None:
        self.name, self.function, self.record = name, function, record
        self.graphs: dict[tuple[Layout, ...], FixedGraph | None] = {}  # None: the function itself runs
        self.problems: dict[str, str] = {}  # of the graphs that are not used, by what they are of

    def __call__(self, *inputs: Tensor) -> Tensors:
        if torch.is_grad_enabled():
            return self.function(*inputs)
        key = layouts(inputs)
        if key not in self.graphs and len(self.graphs) < MAX_GRAPHS:
            name = f"{self.name} for {[list(value.shape) for value in inputs]}"
            self.graphs[key] = verified_graph(name, self.function, inputs, self.record, self.problems)
        graph = self.graphs.get(key)
        return self.function(*inputs) if graph is None else tuple(output.clone() for output in graph(*inputs))


def verified_graph(
    name: str, function: Function, inputs: Tensors, record: Recorder, problems: dict[str, str], state: Tensors = ()
) -> FixedGraph | None:
    """A graph of the function that gives what the function gives.

    None, with a line in the log and its entry in `problems`, if there is none.

    state: what the function reads and then overwrites. It is as after one call, with or without a graph.
    """
    before = tuple(value.to("cpu", copy=True) for value in state)  # the device may have no memory for it
    expected = tuple(value.clone() for value in function(*inputs))
    try:
        restore(state, before)  # a recorder may call the function
        graph = FixedGraph(function, inputs, record)
        restore(state, before)
        differences = map(difference, graph(*inputs), expected)
        problem = next(filter(None, differences), "")
    except RuntimeError as error:  # the capture failed; a device that is lost will report it again
        problem = failure_text(error)
    if not problem:
        log.info("graph of %s: recorded and equal", name)
        return graph
    problems[name] = problem
    log.warning("the graph of %s is not used, its operations run one by one: %s", name, problem)
    if state:
        restore(state, before)
        function(*inputs)
    return None


def restore(state: Tensors, values: Tensors) -> None:
    for tensor, value in zip(state, values, strict=True):
        tensor.copy_(value)


def layouts(values: Sequence[Tensor]) -> tuple[Layout, ...]:
    return tuple((value.shape, value.dtype, value.device) for value in values)


class CudaRecorder:
    """Records CUDA graphs, which share the memory of their intermediate results and outputs.

    So a graph may overwrite the outputs of another one: they are read, or copied, before the next one runs.
    """

    def __init__(self) -> None:
        self.pool = torch.cuda.graph_pool_handle()
        self.side = torch.cuda.Stream()  # one: each stream has memory of its own

    def __call__(self, work: Callable[[], Tensors]) -> tuple[Tensors, Replay]:
        side = self.side
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            work()  # libraries choose their algorithms and take their workspaces, which a capture must not
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # thread_local: the text encoder may use the device in its own thread meanwhile
        with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
            outputs = work()
        return outputs, graph.replay


@functools.cache
def cuda_recorder(*, beside_others: bool = False) -> CudaRecorder:
    """One for this process, because more would take more memory; another for graphs that run beside its graphs."""
    return CudaRecorder()
