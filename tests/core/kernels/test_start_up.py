"""A kernel is used where it was verified, and only there."""

import logging

import pytest
import torch

from lipar_core.errors import ConfigError
from lipar_core.kernels.operation import Operation
from lipar_core.kernels.operations import OPERATIONS
from lipar_core.kernels.self_test import difference
from lipar_core.kernels.start_up import reason_for_references, verify_each, verify_kernels
from tests.core.kernels.small_shapes import small_shapes

X = torch.arange(4.0)


def doubled_reference(x):
    return 2 * x


def operation(kernel):
    return Operation(doubled_reference, kernel, lambda shapes: [(shapes.normal(3),), (shapes.normal(0),)])


def fails_to_compile(x):
    raise NameError("tl.quadruple is not defined")


def test_a_verified_kernel_is_used():
    calls = []
    doubled = operation(lambda x: calls.append(x) or x + x)
    assert torch.equal(doubled(X), 2 * X)
    assert not calls
    assert verify_each([doubled], small_shapes())[0].problem == ""
    calls.clear()
    with torch.no_grad():
        assert torch.equal(doubled(X), 2 * X)
    assert len(calls) == 1
    doubled(X)  # gradients are recorded: the kernel has none
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("kernel", "problem"),
    [
        (lambda x: 2 * x + 0.01, "relative error"),
        (lambda x: 2 * x * float("nan"), "relative error nan"),
        (lambda x: (2 * x)[:1], "torch.float32 (1,) instead of torch.float32 (3,)"),
        (lambda x: (2 * x).double(), "torch.float64 (3,) instead"),
        (fails_to_compile, "NameError: tl.quadruple is not defined"),
    ],
)
@torch.no_grad()
def test_a_kernel_that_differs_or_fails_is_replaced_with_a_line_in_the_log(kernel, problem, caplog):
    doubled = operation(kernel)
    doubled.verified_on = "cpu"
    assert problem in verify_each([doubled], small_shapes())[0].problem
    assert torch.equal(doubled(X), 2 * X)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("kernel doubled is not used, its reference runs instead: ")


def test_what_a_kernel_writes_into_its_arguments_is_compared():
    def clear_reference(x):
        x.zero_()

    clears = Operation(clear_reference, lambda x: None, lambda shapes: [(shapes.normal(3),)])
    assert "relative error" in verify_each([clears], small_shapes())[0].problem


def test_pixels_may_be_rounded_otherwise_and_indices_not():
    pixels = torch.zeros(2000, dtype=torch.uint8)
    other = pixels.clone()
    other[0] = 1
    assert difference(other, pixels) == ""
    other[0] = 2
    assert difference(other, pixels) == "1 of 2000 values differ, by up to 2"
    assert "20 of 2000" in difference((torch.arange(2000) < 20).to(torch.uint8), pixels)
    assert difference(other.long() // 2, pixels.long()) != ""


@pytest.mark.parametrize(
    ("device", "mode", "reason"),
    [("cpu", "", "on a GPU only"), ("cuda", "reference", "turned off by LIPAR_KERNELS"), ("cpu", "auto", "GPU only")],
)
def test_references_run_without_a_gpu_and_on_request(device, mode, reason, monkeypatch):
    monkeypatch.setenv("LIPAR_KERNELS", mode)
    assert reason in reason_for_references(torch.device(device))


def test_an_unknown_mode_is_rejected(monkeypatch):
    monkeypatch.setenv("LIPAR_KERNELS", "triton")
    with pytest.raises(ConfigError, match=r"^LIPAR_KERNELS = 'triton': must be auto or reference$"):
        verify_kernels(small_shapes())


def test_no_kernel_is_used_on_a_cpu():
    assert verify_kernels(small_shapes()) == []
    assert {operation.verified_on for operation in OPERATIONS} == {None}
