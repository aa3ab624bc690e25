"""Graphs, with a stand-in for CUDA's that fails where a graph would continue with stale memory."""

import logging

import pytest
import torch

from lipar_core.kernels.graphs import FixedGraph, GraphedFunction
from tests.core.kernels.recorded_operations import GraphError, NoAllocation, record
from tests.tiny import moving_square, tiny_models

X = torch.arange(6.0).view(2, 3)


def scaled_sum(x, y):
    return (2 * x + y, x.sum())


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def test_a_replay_equals_the_function_and_keeps_its_addresses():
    graph = FixedGraph(scaled_sum, (X, X), record)
    addresses = [output.data_ptr() for output in graph.outputs]
    for factor in (1, 3):
        outputs = graph(factor * X, X)
        assert torch.equal(outputs[0], (2 * factor + 1) * X)
        assert [output.data_ptr() for output in outputs] == addresses


@pytest.mark.parametrize("other", [X[:1], X.double(), X.T], ids=["rows", "dtype", "transposed"])
def test_inputs_of_another_layout_are_rejected(other):
    with pytest.raises(ValueError, match="a graph recorded with inputs"):
        FixedGraph(scaled_sum, (X, X), record)(X, other)


def test_a_call_allocates_nothing():
    def record_nothing(work):
        return work(), lambda: None

    graph = FixedGraph(scaled_sum, (X, X), record_nothing)
    with NoAllocation():
        graph(X, X)
        with pytest.raises(GraphError, match="allocates"):
            X.clone()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.update(offset=state["offset"].clone()), "recorded"),  # another address
        (lambda state: state.update(offset=state["offset"].double()), "recorded"),
        (lambda state: state.update(factor=3.0), "recorded"),  # a number that the graph has as a constant
        (lambda state: state.update(repeats=2), "operations recorded"),
    ],
    ids=["address", "dtype", "number", "operations"],
)
def test_the_stand_in_fails_where_a_graph_would_be_stale(change, message):
    state = {"offset": torch.ones(3), "factor": 2.0, "repeats": 1}

    def function(x):
        for _ in range(state["repeats"]):
            x = state["factor"] * x + state["offset"]
        return (x,)

    graph = FixedGraph(function, (X,), record)
    state["offset"].fill_(5)  # its contents may change
    assert torch.equal(graph(X)[0], 2 * X + 5)
    change(state)
    with pytest.raises(GraphError, match=message):
        graph(X)


def test_a_graph_is_recorded_per_layout_and_outputs_are_copies():
    calls = []
    function = GraphedFunction("sum", lambda x: calls.append(1) or (x + 1,), record)
    first = function(X)[0]
    second = function(2 * X)[0]
    assert torch.equal(first, X + 1)
    assert torch.equal(second, 2 * X + 1)
    function(X[:1])
    assert len(function.graphs) == 2
    assert all(graph is not None for graph in function.graphs.values())


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x: (x * float(x.sum()),), "waits for the device"),
        (lambda x, n=iter(range(9)): (x + next(n),), "recorded"),  # noqa: B008 - differs in each call
    ],
    ids=["host wait", "state on the host"],
)
def test_a_function_that_cannot_be_recorded_runs_itself(function, problem, caplog):
    graphed = GraphedFunction("fake", function, record)
    assert graphed(X)[0].shape == X.shape
    assert list(graphed.graphs.values()) == [None]
    warnings = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "the graph of fake for [[2, 3]] is not used" in warnings[0]
    assert problem in warnings[0]


def test_a_graph_that_differs_from_its_function_is_not_used():
    def record_wrongly(work):
        outputs, _ = record(work)
        return outputs, outputs[0].zero_

    graphed = GraphedFunction("fake", lambda x: (x + 1,), record_wrongly)
    assert torch.equal(graphed(X)[0], X + 1)
    assert list(graphed.graphs.values()) == [None]


def test_a_codec_with_graphs_equals_one_without_for_two_streams_in_turn():
    codec = tiny_models().codec
    clips = [moving_square(12, seed=seed)[None] for seed in (1, 2)]
    expected = [decoded_in_parts(codec, [clip])[0] for clip in clips]
    codec.use_graphs(record, record)
    for result, reference in zip(decoded_in_parts(codec, clips), expected, strict=True):
        torch.testing.assert_close(result, reference, rtol=0, atol=0)
    assert None not in [*codec.run_encoder.graphs.values(), *codec.run_decoder.graphs.values()]


def decoded_in_parts(codec, clips):
    """The clips through the codec, 4 frames of each in turn."""
    states = [(None, None) for _ in clips]
    parts = [[] for _ in clips]
    for start in range(0, clips[0].shape[1], 4):
        for i, clip in enumerate(clips):
            latents, encoder = codec.encode(clip[:, start : start + 4], states[i][0])
            frames, decoder = codec.decode(latents, states[i][1])
            states[i] = encoder, decoder
            parts[i].append(frames)
    return [torch.cat(frames, dim=1) for frames in parts]


def test_with_gradients_the_function_runs():
    graphed = GraphedFunction("fake", lambda x: (x + 1,), record)
    with torch.inference_mode(False), torch.enable_grad():
        graphed(torch.ones(2))
    assert graphed.graphs == {}
