"""Python, PyTorch, GPU, video encoder, clock: judged from facts, without a machine that has the fault."""

from datetime import UTC, datetime, timedelta

import pytest
import torch

from lipar_cli.checks.clock import check_clock, judge_clock
from lipar_cli.checks.gpu import GpuFacts, judge_gpu, judge_nvenc
from lipar_cli.checks.kernels import check_kernels, judge_kernels
from lipar_cli.checks.result import CheckStatus, Result
from lipar_cli.checks.self_test import attention_error, judge_attention, judge_bundled_model
from lipar_cli.checks.software import TorchFacts, judge_codecs, judge_python, judge_torch
from lipar_core.kernels.attention import attention
from lipar_core.kernels.start_up import Verdict
from tests.cli.checks.targets import target

OK, WARN, FAIL = CheckStatus.OK, CheckStatus.WARN, CheckStatus.FAIL
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def expect(result: Result, status: CheckStatus, words: str) -> None:
    assert result.status is status, result
    assert words in f"{result.detail} {result.remedy}"


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), FAIL), ((3, 11, 0), OK), ((4, 0, 0), OK)])
def test_python(version, status):
    expect(judge_python(version), status, ".".join(map(str, version)))


@pytest.mark.parametrize(
    ("build", "driver", "usable", "needs_gpu", "status", "words"),
    [
        (None, None, False, False, OK, "CPU build"),
        (None, None, False, True, FAIL, "no NVIDIA driver"),
        ((12, 8), None, False, True, FAIL, "no NVIDIA driver"),
        (None, (12, 4), False, False, WARN, "CUDA build"),
        (None, (12, 4), False, True, FAIL, "CUDA build"),
        ((12, 8), (12, 4), True, True, OK, "driver for CUDA 12.4"),  # minor versions are compatible
        ((13, 0), (12, 9), False, True, FAIL, "update the NVIDIA driver"),
        ((12, 8), (12, 8), False, False, FAIL, "nvidia-smi"),
        ((12, 8), (13, 0), True, True, OK, "CUDA 12.8"),
    ],
)
def test_torch_cuda_and_driver(build, driver, usable, needs_gpu, status, words):
    facts = TorchFacts(version="2.13.0", build_cuda=build, driver_cuda=driver, usable=usable)
    expect(judge_torch(facts, needs_gpu), status, words)


@pytest.mark.parametrize(
    ("capability", "built_for", "status", "words"),
    [
        ((9, 0), ("sm_80", "sm_90a"), OK, "capability 9.0"),
        ((8, 9), ("sm_80", "sm_90"), OK, "24 GiB"),  # binaries run on later minor versions
        ((12, 0), ("sm_80", "sm_90"), FAIL, "not in PyTorch's build"),
        ((12, 0), ("sm_90", "compute_90"), OK, "capability 12.0"),
        ((7, 5), ("sm_75",), WARN, "bfloat16"),
        ((8, 0), ("sm_86",), FAIL, "not in PyTorch's build"),
        ((9, 0), ("gfx90a",), FAIL, "gfx90a"),
    ],
)
def test_gpu_capability(capability, built_for, status, words):
    facts = GpuFacts(name="GPU", capability=capability, memory=24 * 2**30, built_for=built_for)
    expect(judge_gpu(facts, "cuda", True), status, words)


def test_no_gpu_fails_only_a_preset_that_needs_one():
    expect(judge_gpu(None, "cuda:1", True), FAIL, "no CUDA device cuda:1")
    expect(judge_gpu(None, "cpu", False), OK, "CPU")


@pytest.mark.parametrize(
    ("encoder", "has_gpu", "status"),
    [("h264_nvenc", True, OK), ("libx264", False, OK), ("libx264", True, WARN), (None, False, WARN)],
)
def test_video_encoder(encoder, has_gpu, status):
    expect(judge_nvenc(encoder, has_gpu), status, encoder or "VP8")


def test_missing_codecs_are_named_with_their_use():
    expect(judge_codecs("18.1", {"libx264", "h264", "aac"}), FAIL, "libvpx (VP8)")


def test_attention_is_compared_with_its_definition():
    errors = {
        name: attention_error(attention, torch.device("cpu"), getattr(torch, name)) for name in ("float32", "bfloat16")
    }
    expect(judge_attention("PyTorch", errors), OK, "float32")


def test_attention_backends_that_failed_are_named():
    result = judge_attention("flash on cuda", {"float32": 0.0, "bfloat16": 0.0}, "; sage is not used: NaN")
    expect(result, WARN, "sage is not used")


def test_kernels_that_failed_are_named():
    verdicts = [Verdict("qk_norm_rope", "", 1.5), Verdict("residual_norm", "relative error nan", 0.5)]
    expect(judge_kernels(verdicts), WARN, "1 of 2 equal their references, 2.0 s; not used: residual_norm (relative")
    expect(judge_kernels(verdicts[:1]), OK, "1 of 1")


def test_without_a_gpu_no_kernel_is_used():
    expect(check_kernels(target("wan-1.3b")), OK, "GPU only")


def test_an_attention_that_ignores_masked_keys_fails():
    def unmasked(q, k, v, _present=None):
        return attention(q, k, v)

    error = attention_error(unmasked, torch.device("cpu"), torch.float32)
    expect(judge_attention("broken", {"float32": error, "bfloat16": error}), FAIL, "flash-attn")


@pytest.mark.parametrize(
    ("fps", "status", "words"),
    [
        (41.2, OK, "41 frames per second"),
        (12.0, OK, "12 frames"),
        (0.3, WARN, "0.3 frames per second; live video needs"),
    ],
)
def test_speed_of_the_bundled_model(fps, status, words):
    expect(judge_bundled_model(fps), status, words)


@pytest.mark.parametrize(
    ("now", "synchronised", "status", "words"),
    [
        (NOW, True, OK, "kept by NTP"),
        (NOW, None, OK, "cannot be read"),
        (NOW, False, WARN, "set-ntp"),
        (NOW - timedelta(days=400), True, FAIL, "before this package was installed"),
    ],
)
def test_clock(now, synchronised, status, words):
    expect(judge_clock(now, NOW - timedelta(days=30), synchronised), status, words)


def test_the_clock_of_this_machine_is_read():
    assert str(datetime.now(UTC).year) in check_clock(None).detail  # type: ignore[arg-type] # needs no target
