"""The attention backend: the first of a GPU's list that is installed and passes its check."""

import logging

import pytest
import torch

from lipar_core.errors import ConfigError
from lipar_core.kernels.attention_backends import BACKENDS, CHOICE, ORDER, Backend, candidates
from lipar_core.kernels.attention_choice import backend_error, choose_attention, first_working, float32_attention
from tests.core.kernels.small_shapes import small_shapes


@pytest.fixture(autouse=True)
def _restored_choice(monkeypatch):
    monkeypatch.setattr(CHOICE, "backend", None)


def missing_package(q, k, v):
    raise ModuleNotFoundError("No module named 'flash_attn'")


EXACT = Backend("exact", float32_attention)
MISSING = Backend("missing", missing_package)
CONSTANT = Backend("constant", lambda q, k, v: torch.ones_like(q))
NAN = Backend("nan", lambda q, k, v: float32_attention(q, k, v) * float("nan"))
LAST_NAN = Backend("last nan", lambda q, k, v: torch.cat([q[:, :-1], q[:, -1:] * float("nan")], dim=1))


def test_the_first_backend_without_a_problem_is_chosen(caplog):
    tried = first_working([MISSING, CONSTANT, NAN, LAST_NAN, EXACT, CONSTANT], small_shapes())
    assert CHOICE.backend is EXACT
    assert list(tried) == ["missing", "constant", "nan", "last nan", "exact"]
    assert tried["missing"] == "ModuleNotFoundError: No module named 'flash_attn'"
    assert tried["constant"].startswith("relative error")
    assert tried["last nan"].startswith("relative error inf")
    assert tried["exact"] == ""
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 4


def test_without_a_working_backend_pytorch_chooses():
    first_working([CONSTANT], small_shapes())
    assert CHOICE.backend is None


@pytest.mark.parametrize("name", ["flash"])
def test_pytorch_s_backends_equal_the_definition(name):
    shapes = small_shapes()
    q, k, v = shapes.normal(3, 1, 18, 3, 16)
    assert backend_error(BACKENDS[name], q, k, v) < 1e-5


def test_every_gpu_has_a_backend_that_pytorch_brings():
    for major in (7, *ORDER):
        assert "flash" in [backend.name for backend in candidates(major, "auto")]
        assert all(backend.installed for backend in candidates(major, "auto"))
    assert candidates(9, "auto")[0].name == "cudnn"
    assert [backend.name for backend in candidates(8, "sage")] == ["sage"]


def test_eight_bit_attention_is_used_on_request_only():
    assert not any("sage" in names for names in ORDER.values())


def test_a_cpu_has_no_choice(monkeypatch):
    monkeypatch.setenv("LIPAR_ATTENTION", "cudnn")
    assert choose_attention(small_shapes(torch.bfloat16)) == {}
    assert CHOICE.backend is None


def test_an_unknown_backend_is_rejected_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("LIPAR_ATTENTION", "xformers")
    with pytest.raises(ConfigError, match=r"^LIPAR_ATTENTION = 'xformers': must be auto, pytorch, cudnn, .* or sage$"):
        choose_attention(small_shapes())
