"""The report of `make test-gpu`, as far as a machine without a GPU has it."""

import torch

from benchmarks import gpu_report
from benchmarks.gpu_report import attention, kernels, main, session

CPU = torch.device("cpu")


def test_without_a_gpu_kernels_attention_and_a_session_pass():
    lines = [*kernels(CPU), *attention(CPU), *session(CPU)]
    assert [what for what, _, _ in lines] == [
        "kernels",
        "attention, bfloat16",
        "attention, float16",
        "session",
        "x0 to the published style",
    ]
    assert all(passed for _, passed, _ in lines)


def test_a_failure_is_named_and_sets_the_exit_code(monkeypatch, capsys):
    sections = [lambda device: [("kernel b", False, "relative error nan"), ("kernel a", True, "equals")]]
    monkeypatch.setattr(gpu_report, "SECTIONS", sections)
    assert main("cpu") == 1
    output = capsys.readouterr().out.splitlines()
    assert output[0].split() == ["FAIL", "kernel", "b", "relative", "error", "nan"]
    assert output[3].startswith("summary: no GPU, PyTorch ")
    assert output[4:] == ["1 of 2 passed:", output[0]]
    monkeypatch.setattr(gpu_report, "SECTIONS", [lambda device: [("kernel a", True, "equals")]])
    assert main("cpu") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 1 passed"


def test_a_missing_gpu_is_reported(capsys):
    assert main("cuda:99") == 1
    assert "cuda:99" in capsys.readouterr().out
