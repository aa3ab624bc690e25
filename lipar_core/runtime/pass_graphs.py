"""CUDA graphs of one session's transformer passes, one for each pass and number of tokens."""

from collections.abc import Callable

from lipar_core.buckets import MAX_BUCKETS
from lipar_core.kernels.graphs import FixedGraph, Recorder, Tensors, verified_graph

MAX_GRAPHS = 2 * (MAX_BUCKETS + 1)  # of denoising steps and clean passes, also of those without a token

PassKey = tuple[str, int, bool]  # which pass; its number of tokens; whether they are all of the block


class PassGraphs:
    """Replays passes that read and write at fixed addresses; each graph is recorded when it is first needed.

    It is compared with the pass before it is used. A pass that cannot be recorded runs operation by operation, with a
    line in the log, and so do those above `MAX_GRAPHS`.
    """

    def __init__(self, record: Recorder | None) -> None:
        """record: None where there are no graphs."""
        self.record = record
        self.graphs: dict[PassKey, FixedGraph | None] = {}  # None: the pass itself runs
        self.problems: dict[str, str] = {}  # of the graphs that are not used, by what they are of

    def run(self, key: PassKey, work: Callable[[], Tensors], state: Tensors = ()) -> None:
        """work: the pass, which returns what its graph is compared by. state: what it reads and then overwrites."""
        if self.record is None:
            work()
        elif key not in self.graphs and len(self.graphs) < MAX_GRAPHS:
            name, size, _ = key
            what = f"the {name} of {size} tokens"
            self.graphs[key] = verified_graph(what, work, (), self.record, self.problems, state)
        elif (graph := self.graphs.get(key)) is None:
            work()
        else:
            graph()

    def clear(self) -> None:
        """Forget all graphs: an address that they have has changed."""
        self.graphs.clear()
        self.problems.clear()
