"""The parts of the engine that `lipar bench` replaces, one at a time."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from lipar_core.buckets import cheapest_buckets
from lipar_core.kernels.attention_backends import BACKENDS, CHOICE, Backend
from lipar_core.kernels.graphs import GraphedFunction
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.models.kernel_shapes import kernel_shapes
from lipar_core.models.loading import Models
from lipar_core.models.pass_costs import linear_layers, modelled_costs
from lipar_core.models.taehv import TAEHV
from lipar_core.models.wan import CausalWan
from lipar_core.runtime.pass_graphs import PassGraphs
from lipar_core.session import EditSession


@dataclass(frozen=True, slots=True)
class Arm:
    """Which parts of the engine run."""

    name: str
    graphs: bool = True
    without_kernels: frozenset[str] = frozenset()  # operations whose references run
    backend: Backend | None = None  # of attention
    folded_codec: bool = True  # layers of the codec joined
    short_clean_pass: bool = True  # the last layer computes keys and values only
    side_stream: bool = True  # the clean pass is beside what the next block begins with
    renderer: bool = True  # the decoder's last part; without it frames differ
    buckets: tuple[int, ...] | None = None  # the numbers of tokens that a pass may have; empty: any; None: the device's


def engine_arms(models: Models) -> list[Arm]:
    """The engine as it runs here first; then all that can be replaced on this device."""
    ours = Arm("engine", backend=CHOICE.backend)
    arms = [ours]
    if models.device.type == "cuda":
        arms += _gpu_arms(ours)
        arms.append(replace(ours, name="no side stream", side_stream=False))
        arms.append(replace(ours, name="modelled buckets", buckets=_modelled_buckets(models)))
    if isinstance(models.codec, TAEHV):
        arms.append(replace(ours, name="no folded codec", folded_codec=False))
    if isinstance(models.dit, CausalWan):
        arms.append(replace(ours, name="full clean pass", short_clean_pass=False))
    if isinstance(models.codec, TAEHV) and models.codec.renderer is not None:
        arms.append(replace(ours, name="no renderer", renderer=False))
    return [*arms, replace(ours, name="no buckets", buckets=())]


def _gpu_arms(ours: Arm) -> list[Arm]:
    used = frozenset(operation.name for operation in OPERATIONS if operation.verified_on)
    others = [backend for backend in BACKENDS.values() if backend.installed and backend is not ours.backend]
    return [
        replace(ours, name="no pass graphs", graphs=False),
        replace(ours, name="no kernels", without_kernels=used),
        *(replace(ours, name=f"no {name}", without_kernels=frozenset({name})) for name in sorted(used)),
        *(replace(ours, name=f"attention {backend.name}", backend=backend) for backend in others),
        *([replace(ours, name="attention pytorch", backend=None)] if ours.backend else []),
    ]


def _modelled_buckets(models: Models) -> tuple[int, ...]:
    """Those that the GPU has if its passes could not be measured."""
    assert isinstance(models.dit, torch.nn.Module)
    shapes = kernel_shapes(models.preset, models.precision, models.device)
    count = torch.cuda.get_device_properties(models.device).multi_processor_count
    costs = modelled_costs(linear_layers(models.dit), shapes.layers, shapes, count)
    return cheapest_buckets(costs, shapes.block_tokens)


class ArmParts:
    """An arm's own graphs; `running` makes the process run its parts."""

    def __init__(self, arm: Arm, models: Models, session: EditSession[int]) -> None:
        self.arm, self.models, self.session = arm, models, session
        self.graphs = PassGraphs(models.record if arm.graphs else None)
        self.codec = _unfolded(models) if not arm.folded_codec else {}
        self.buckets = session.buckets if arm.buckets is None else arm.buckets

    @contextmanager
    def running(self) -> Iterator[None]:
        arm = self.arm
        with ExitStack() as stack:
            stack.enter_context(changed(self.session.passes, graphs=self.graphs))
            stack.enter_context(changed(CHOICE, backend=arm.backend))
            stack.enter_context(changed(self.models.codec, **self.codec))
            for operation in OPERATIONS:
                if operation.name in arm.without_kernels:
                    stack.enter_context(changed(operation, verified_on=None))
            for owner in (self.session, self.session.state):  # a new stream has the session's
                stack.enter_context(changed(owner, buckets=self.buckets))
            if not arm.side_stream:
                stack.enter_context(changed(self.models.side, streams=None))
            if not arm.renderer:
                stack.enter_context(changed(self.models.codec, renderer=None))
            if not arm.short_clean_pass:
                stack.enter_context(changed(self.models.dit, fill_cache=_full_pass(self.models)))
            yield


def _unfolded(models: Models) -> dict[str, object]:
    """The codec's attributes with which its layers run one by one, with graphs of their own."""
    codec = models.codec
    assert isinstance(codec, TAEHV)
    names = ("layers", "run_encoder", "run_decoder")
    layers = tuple(codec.encoder), tuple(codec.decoder)
    encoder, decoder = codec.run_encoder, codec.run_decoder
    if not (isinstance(encoder, GraphedFunction) and isinstance(decoder, GraphedFunction)):
        return {"layers": layers}
    with changed(codec, **{name: getattr(codec, name) for name in names}):
        codec.layers = layers
        codec.use_graphs(encoder.record, decoder.record)
        return {name: getattr(codec, name) for name in names}


def _full_pass(models: Models) -> Callable[..., None]:
    """A clean pass that computes the last layer's output and the head, which nothing needs."""

    def fill_cache(tokens: torch.Tensor, *others: Any) -> None:
        models.dit(tokens, *others)

    return fill_cache


@contextmanager
def changed(owner: object, **attributes: object) -> Iterator[None]:
    """Within the context the owner has these attributes."""
    own = {name: getattr(owner, name) for name in attributes}
    of_class = [name for name, value in own.items() if inspect.ismethod(value) and name not in vars(owner)]
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in own.items():
            if name in of_class:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
