"""Which CUDA graphs a session uses, and why others are not used."""

from dataclasses import dataclass, field

from lipar_core.kernels.graphs import GraphedFunction
from lipar_core.runtime.pass_graphs import PassGraphs


@dataclass(frozen=True, slots=True)
class RecordedGraphs:
    """Of one part of a session."""

    part: str
    recorded: int
    problems: dict[str, str] = field(default_factory=dict)  # by what the graph is of

    @property
    def total(self) -> int:
        return self.recorded + len(self.problems)


def recorded_graphs(passes: PassGraphs, codec: object) -> list[RecordedGraphs]:
    """Of a session's passes and, where its functions have graphs, of its codec."""
    parts = {"passes": passes, "encoder": getattr(codec, "run_encoder", None)}
    parts["decoder"] = getattr(codec, "run_decoder", None)
    return [
        RecordedGraphs(name, sum(graph is not None for graph in part.graphs.values()), dict(part.problems))
        for name, part in parts.items()
        if isinstance(part, (PassGraphs, GraphedFunction))
    ]
