"""Linear layers in 8-bit floating point: what they compute, which are replaced, what they cost in exactness."""

import logging

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from lipar_core.drift import latent_drift
from lipar_core.kernels.operations import FP8_OPERATIONS
from lipar_core.kernels.quantised_rows import FLOAT8, quantised_rows, quantised_rows_triton
from lipar_core.kernels.self_test import differences
from lipar_core.models.fp8_layers import MAX_ERROR, Fp8Linear, quantisation_error, use_fp8_linears
from lipar_core.models.wan import CausalWan
from lipar_core.presets import with_random_weights
from tests.core.kernels.small_shapes import small_shapes
from tests.tiny import tiny_preset


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("operation", FP8_OPERATIONS, ids=lambda operation: operation.name)
@torch.inference_mode()
def test_an_operation_equals_its_reference(operation, dtype):
    """The product is PyTorch's, here for the CPU, the quantisation by Triton's interpreter."""
    pytest.importorskip("triton")
    assert list(differences(operation, small_shapes(dtype, head_dim=16))) == []


@pytest.mark.parametrize("power", [1, 7])
def test_the_kernel_rounds_as_pytorch_does(power):
    pytest.importorskip("triton")
    x = torch.randn(8, 300, generator=torch.Generator().manual_seed(0)) ** power
    for result, reference in zip(quantised_rows_triton(x), quantised_rows(x), strict=True):
        assert torch.equal(result.float(), reference.float())


def test_the_layers_of_all_tokens_are_replaced_but_not_those_of_the_prompt():
    dit = CausalWan(tiny_preset().transformer)
    assert use_fp8_linears(dit.blocks, small_shapes()) == 2 * 8
    attention = dit.blocks[0].cross_attn
    kinds = [type(layer) for layer in (attention.q, attention.k, attention.v, attention.o, dit.head.head)]
    assert kinds == [Fp8Linear, nn.Linear, nn.Linear, Fp8Linear, nn.Linear]
    assert dit.blocks[0].ffn[0].weight.dtype == FLOAT8


def test_a_layer_that_would_be_too_inexact_is_not_replaced(caplog):
    odd, broken, fine = nn.Linear(24, 32), nn.Linear(32, 32), nn.Linear(32, 32)
    nn.init.constant_(broken.weight, float("nan"))
    layers = nn.ModuleList([odd, broken, fine])
    assert use_fp8_linears(layers, small_shapes()) == 1
    assert [type(layer) for layer in layers] == [nn.Linear, nn.Linear, Fp8Linear]
    assert 1e-3 < quantisation_error(fine) < MAX_ERROR
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


def test_a_preset_s_drift_shows_what_they_cost():
    preset = with_random_weights(tiny_preset())
    drift = latent_drift(replace(preset, fp8_linears=True), "cpu", "float32", "float32", 2)
    assert all(1e-4 < error < 0.2 for error in drift)
    assert latent_drift(preset, "cpu", "float32", "float32", 1) == [0.0]
