"""Large checkpoints are converted once, then memory-mapped. The size limit is lowered for the tests."""

import logging
import os
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from lipar_core.checkpoints import weights
from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.errors import CheckpointError
from lipar_core.load_progress import load_progress_to
from lipar_core.models.wan import CausalWan
from tests.tiny import tiny_models

MODELS = tiny_models()
WAN = MODELS.dit.state_dict()


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A float32 training checkpoint, in its own weights folder."""
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(weights, "MAPPED_BYTES", 1000)
    path = tmp_path / "self_forcing.pt"
    torch.save({"generator_ema": {f"model.{name}": value for name, value in WAN.items()}}, path)
    return path


def load(path, dtype=torch.bfloat16):
    with MetaDevice():
        module = CausalWan(MODELS.preset.transformer)
    load_network(module, path, "transformer", torch.device("cpu"), dtype)
    return module.state_dict()


def kept(path):
    return sorted((path.parent / "converted").glob("*"))


def assert_values(state, dtype=torch.bfloat16, factor=1):
    for name, value in WAN.items():
        assert torch.equal(state[name], (value * factor).to(dtype))


def test_the_first_start_converts_and_later_ones_read(source):
    assert_values(load(source))
    (file,) = kept(source)
    assert_values(load_file(file))
    stamp = file.stat().st_mtime_ns
    assert_values(load(source))
    assert file.stat().st_mtime_ns == stamp


def test_a_changed_checkpoint_is_converted_again(source):
    load(source)
    torch.save({"generator": {f"model.{name}": 2 * value for name, value in WAN.items()}}, source)
    assert_values(load(source), factor=2)
    assert len(kept(source)) == 1


def test_each_dtype_has_its_own(source):
    load(source)
    assert_values(load(source, torch.float16), torch.float16)
    assert len(kept(source)) == 2


def test_weights_in_the_requested_dtype_are_not_copied(source):
    assert_values(load(source, torch.float32), torch.float32)
    assert not kept(source)


def test_a_damaged_weight_leaves_no_conversion(source):
    broken = {name: value.clone() for name, value in WAN.items()}
    broken["head.head.bias"][0] = float("nan")
    torch.save(broken, source)
    with pytest.raises(CheckpointError, match=r"head\.head\.bias holds NaN"):
        load(source)
    assert not kept(source)


def test_weights_load_without_a_writable_folder(source, caplog):
    (source.parent / "converted").write_text("a file where the folder would be")
    with caplog.at_level(logging.WARNING):
        assert_values(load(source))
    assert "is converted at every start" in caplog.text


def test_a_conversion_reports_its_progress(source):
    reports = []
    with load_progress_to(reports.append):
        load(source)
    percent = [int(match[1]) for report in reports if (match := re.fullmatch(r"converting .+, once: (\d+) %", report))]
    assert len(percent) >= len(WAN)
    assert percent == sorted(percent)
    assert percent[0] == 0
    assert percent[-1] >= 99


def test_what_a_killed_conversion_has_left_is_deleted(source):
    folder = source.parent / "converted"
    folder.mkdir()
    abandoned, recent = folder / "a.partial", folder / "b.partial"
    for path in (abandoned, recent):
        path.write_bytes(b"half of a checkpoint")
    os.utime(abandoned, (0, 0))
    assert_values(load(source))
    assert recent.exists()
    assert not abandoned.exists()


def test_mapped_weights_take_no_memory(source, monkeypatch):
    """Writing to a mapped file changes the weights; small files are copied, so that it does not."""
    path = source.parent / "large.safetensors"
    for limit, follows in ((1000, True), (10**9, False)):
        monkeypatch.setattr(weights, "MAPPED_BYTES", limit)
        save_file({name: value.clone() for name, value in WAN.items()}, path)
        state = load(path, torch.float32)
        with path.open("r+b") as file:
            size = os.stat(path).st_size
            header = 8 + int.from_bytes(file.read(8), "little")
            file.seek(header)
            file.write(b"\0" * (size - header))
        assert any(not state[name].any() and WAN[name].any() for name in WAN) == follows
