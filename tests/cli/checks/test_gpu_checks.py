"""Which preset fits a card, and CUDA graphs: judged from facts, and with a stand-in for the recorder."""

import dataclasses

import pytest
import torch

from lipar_cli.checks.gpu import GpuFacts
from lipar_cli.checks.graphs import check_graphs, judge_graphs, session_graphs
from lipar_cli.checks.preset import check_preset, judge_preset
from lipar_cli.checks.result import CheckStatus
from lipar_cli.checks.self_test import check_attention
from lipar_core.runtime.recorded_graphs import RecordedGraphs
from tests.cli.checks.targets import target
from tests.core.kernels.recorded_operations import GraphError, record
from tests.tiny import tiny_models

GIB = 2**30


@pytest.mark.parametrize(
    ("name", "capability", "gib", "fitting"),
    [
        ("NVIDIA GeForce RTX 4090", (8, 9), 24, "wan-1.3b-rtx4090 fits NVIDIA GeForce RTX 4090, 24 GiB"),
        ("NVIDIA H200", (9, 0), 141, "wan-1.3b-hopper fits NVIDIA H200, 141 GiB"),
        ("NVIDIA RTX A6000", (8, 6), 48, "wan-1.3b fits NVIDIA RTX A6000"),
        ("NVIDIA GeForce RTX 5090", (12, 0), 32, "wan-1.3b fits"),
        ("NVIDIA GeForce RTX 4050 Laptop GPU", (8, 9), 6, "tiny fits NVIDIA GeForce RTX 4050"),
    ],
)
def test_the_preset_that_fits_a_card_is_named(name, capability, gib, fitting):
    facts = GpuFacts(name=name, capability=capability, memory=gib * GIB, built_for=("sm_80",))
    result = judge_preset(facts, facts.memory, 7 * GIB, "wan-1.3b")
    assert result.status is CheckStatus.OK
    assert result.detail.startswith(fitting)
    assert ("checked is wan-1.3b (--preset" in result.detail) is not fitting.startswith("wan-1.3b fits")


def test_the_plan_of_a_card_that_is_not_there_decides():
    large, small = (check_preset(target("wan-1.3b", vram)).detail for vram in (24, 4))
    assert large.startswith("wan-1.3b fits a GPU with 24 GiB: one session of wan-1.3b is planned with 6.9 GiB")
    assert small.startswith("tiny fits a GPU with 4 GiB: ")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_the_tiny_preset_fits_and_no_graph_is_used():
    assert check_preset(target()).detail == "tiny fits: no CUDA device"
    assert "a GPU only" in check_graphs(target("wan-1.3b-hopper")).detail


def test_the_attention_that_was_requested_is_shown(monkeypatch):
    monkeypatch.delenv("LIPAR_ATTENTION", raising=False)
    assert "(requested: cudnn)" in check_attention(target("wan-1.3b-hopper")).detail
    monkeypatch.setenv("LIPAR_ATTENTION", "pytorch")
    assert "(requested: pytorch)" in check_attention(target("wan-1.3b-hopper")).detail


def test_graphs_of_a_session_are_counted():
    models = dataclasses.replace(tiny_models(), record=record)
    models.codec.use_graphs(record, record)  # type: ignore[attr-defined]
    graphs = session_graphs(models)
    assert [part.part for part in graphs] == ["passes", "encoder", "decoder"]
    assert all(part.recorded == part.total > 0 for part in graphs)
    result = judge_graphs(graphs)
    assert result.status is CheckStatus.OK
    assert f"passes {graphs[0].total} of {graphs[0].total}, encoder" in result.detail


def test_a_graph_that_cannot_be_recorded_is_named_with_its_reason():
    def failing(work):
        work()
        raise GraphError("no capture")

    (passes,) = session_graphs(dataclasses.replace(tiny_models(), record=failing))
    assert (passes.recorded, passes.total) == (0, len(passes.problems))
    result = judge_graphs([passes, RecordedGraphs("encoder", 1)])
    assert result.status is CheckStatus.WARN
    assert "encoder 1 of 1; not used: the denoising step of 72 tokens: GraphError: no capture" in result.detail
