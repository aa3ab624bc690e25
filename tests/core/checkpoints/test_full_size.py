"""Loads a checkpoint with the names, shapes and dtypes of the published 1.3B model."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lipar_core.checkpoints.weights import MetaDevice
from lipar_core.models.wan import CausalWan
from lipar_core.presets import load_preset

MAX_EXTRA_GB = 1.0  # of anonymous memory, beyond what stays

# In a separate process, whose memory is measured. RssAnon counts no pages of mapped files.
LOAD = r"""
import re, sys, threading, time
from pathlib import Path
import torch
from lipar_core.presets import load_preset
from lipar_core.models.wan import CausalWan
from lipar_core.checkpoints.weights import MetaDevice, load_network

def anonymous():
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1e6

def watch():
    global peak
    while running:
        peak = max(peak, anonymous())
        time.sleep(0.002)

peak, running, before = 0.0, True, anonymous()
thread = threading.Thread(target=watch)
thread.start()
cpu, wall = time.process_time(), time.perf_counter()
with MetaDevice():
    dit = CausalWan(load_preset("wan-1.3b").transformer)
load_network(dit, Path(sys.argv[1]), "transformer", torch.device("cpu"), torch.bfloat16)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
running = False
thread.join()
first, last = (float(dit.get_parameter(name).double().sum()) for name in ("blocks.0.ffn.0.weight", "head.head.weight"))
print(peak - before, anonymous() - before, cpu, wall, first, last)
"""


def save_random(path: Path, dtype: torch.dtype) -> tuple[float, float]:
    """A file in Self-Forcing's training format; returns the sums of two weights in bfloat16."""
    with MetaDevice():
        shapes = {
            name: value.shape for name, value in CausalWan(load_preset("wan-1.3b").transformer).state_dict().items()
        }
    state = {f"model.{name}": torch.randn(shape, dtype=dtype) * 0.02 for name, shape in shapes.items()}
    torch.save({"generator_ema": state}, path)
    first, last = (state[f"model.{name}"].bfloat16() for name in ("blocks.0.ffn.0.weight", "head.head.weight"))
    return float(first.double().sum()), float(last.double().sum())


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_loading_makes_no_second_copy(tmp_path, monkeypatch, dtype):
    monkeypatch.setenv("LIPAR_WEIGHTS", str(tmp_path))
    path = tmp_path / "self_forcing_dmd.pt"
    sums = save_random(path, dtype)
    for start in ("first", "second"):
        done = subprocess.run([sys.executable, "-c", LOAD, str(path)], check=True, capture_output=True, text=True)
        peak, stays, cpu, wall, *loaded = (float(word) for word in re.findall(r"\S+", done.stdout))
        kind = str(dtype).removeprefix("torch.")
        print(f"{kind}, {start} start: peak {peak:.2f} GB, stays {stays:.2f} GB, {cpu:.1f} CPU s, {wall:.1f} s")  # noqa: T201
        assert peak - stays < MAX_EXTRA_GB
        assert loaded == pytest.approx(sums)
    path.unlink()
