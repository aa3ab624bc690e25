"""Graphs of a session's passes, by a stand-in that fails where a CUDA graph would use stale memory."""

import dataclasses
import logging

import pytest
import torch
from torch import Tensor

from lipar_core.kernels.graphs import Recorder
from lipar_core.models.loading import Models
from lipar_core.models.reuse_pool import ReusePool
from lipar_core.parameters import Parameters, Pruning
from lipar_core.runtime.pass_graphs import MAX_GRAPHS, PassGraphs
from lipar_core.session import EditSession
from tests.core.kernels.recorded_operations import GraphError, record
from tests.tiny import moving_square, tiny_models, tiny_preset

PRESET = tiny_preset(window_frames=6)  # full after three blocks
MODELS = tiny_models(PRESET)
BLOCK = PRESET.stream.frames_per_block
BUCKETS = [36]
CHANGES = {
    4: {"pruning": {"threshold": 40}},
    5: {"prompt": "an oil painting", "transition": {"mode": "keep"}},
    6: {"prompt": "neon"},  # with clean passes over the cached frames
    7: {"strength": 0.3},
    9: {"region": {"box": [0, 0, 0.3, 0.5]}},
    10: {"region": {"box": None}, "reset": True},
}


def edited(models: Models | Recorder | None, blocks: int = 14) -> tuple[Tensor, EditSession[int]]:
    pruning = Pruning(detector="anchor", threshold=20)
    if not isinstance(models, Models):
        models = dataclasses.replace(MODELS, record=models)
    session: EditSession[int] = EditSession(models, Parameters(prompt="a", pruning=pruning), buckets=BUCKETS)
    frames = []
    for number, clip in enumerate(moving_square(blocks * BLOCK, PRESET).split(BLOCK)):
        session.update(CHANGES.get(number, {}))
        frames.append(session.push(clip, range(BLOCK)).frames)
        session.finish_block()
    return torch.cat(frames), session


def test_a_session_with_graphs_equals_one_without_over_changes_and_resets():
    """Recorded once per pass and bucket; a stale address, shape, dtype or number would fail."""
    recorded = []

    def counting(work):
        recorded.append(work)
        return record(work)

    expected, _ = edited(None)
    frames, session = edited(counting)
    assert torch.equal(frames, expected)
    graphs = session.passes.graphs.graphs
    assert {(name, size) for name, size, _ in graphs} >= {
        (name, size) for name in ("denoising step", "clean pass") for size in (36, 72)
    }
    assert {size for _, size, _ in graphs} <= {0, *BUCKETS, PRESET.stream.block_tokens}
    assert len(recorded) == len(graphs)
    assert None not in graphs.values()


def test_the_next_session_takes_over_the_graphs_of_an_ended_one():
    """With the output of a new one; a session of another size, or beside it, gets its own."""
    recorded = []

    def counting(work):
        recorded.append(work)
        return record(work)

    models = dataclasses.replace(MODELS, record=counting, pool=ReusePool())
    expected, _ = edited(None, 6)
    _, first = edited(models, 8)
    count = len(recorded)
    first.close()
    frames, second = edited(models, 6)
    assert torch.equal(frames, expected)
    assert second.passes is first.passes
    assert len(recorded) == count > 0
    assert EditSession(models).passes is not second.passes


def test_storage_is_reused_for_an_equal_key_and_freed_before_another_is_built():
    pool: ReusePool[list[str]] = ReusePool()
    large, small = (pool.take(size, lambda size=size: [size]) for size in ("large", "small"))
    pool.give_back("large", large)
    assert pool.take("large", list) is large
    pool.give_back("large", large)
    assert pool.take("small", lambda: ["new"]) == ["new"]
    assert pool.take("large", lambda: ["new"]) == ["new"]  # freed for the one before
    pool.give_back("small", small)
    pool.clear()
    assert pool.take("small", lambda: ["new"]) == ["new"]


def test_passes_that_cannot_be_recorded_run_themselves(caplog):
    def failing(work):
        work()  # as a recorder does before it captures
        raise GraphError("no capture")

    expected, _ = edited(None, 6)
    frames, session = edited(failing, 6)
    assert torch.equal(frames, expected)
    assert set(session.passes.graphs.graphs.values()) == {None}
    warnings = [entry.message for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warnings) == len(session.passes.graphs.graphs)
    assert all("tokens is not used, its operations run one by one: GraphError: no capture" in text for text in warnings)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_pass_that_overwrites_what_it_reads_runs_once(is_right):
    """With a graph that is recorded, and with one that is wrong."""
    state, result = torch.tensor([3.0]), torch.zeros(1)

    def work():
        result.copy_(state)
        state.mul_(2)
        return (result,)

    def recorder(work):
        outputs, replay = record(work)
        return outputs, replay if is_right else result.zero_

    graphs = PassGraphs(recorder)
    with torch.inference_mode():
        for value in (3, 6, 12):
            graphs.run(("pass", 1, True), work, (state,))
            assert (result.item(), state.item()) == (value, 2 * value)
    assert (graphs.graphs["pass", 1, True] is not None) is is_right


def test_no_more_graphs_than_a_gpus_buckets_need():
    graphs = PassGraphs(record)
    values = torch.zeros(1)
    with torch.inference_mode():
        for size in range(MAX_GRAPHS + 3):
            graphs.run(("pass", size, False), lambda: (values.add_(0),))
    assert len(graphs.graphs) == MAX_GRAPHS
