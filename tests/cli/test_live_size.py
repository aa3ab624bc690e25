"""The default picture size of `lipar serve`: chosen by measured speed, in a subprocess."""

import json
import subprocess

import msgspec
import pytest
import yaml

from lipar_cli import live_size
from lipar_cli.live_size import SizeMeasurement, choose_size, report
from lipar_core.presets import load_preset


@pytest.fixture
def several(preset, tmp_path):
    """The random preset with two more sizes, one in portrait."""
    tree = yaml.safe_load(preset.read_text())
    tree["stream"] |= {"sizes": [[96, 64], [128, 96], [64, 96]]}
    path = tmp_path / "several.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def speeds(monkeypatch, **fps):
    """Replaces the measuring subprocess, which stops at the first size that is fast enough."""
    requests = []

    def run(command, **_):
        sizes = [part for part in command if part[:1].isdigit() and "x" in part]
        lines = []
        for size in sizes:
            requests.append(size)
            lines.append(json.dumps({"size": size, "dtype": "float32", "fps": fps["x" + size]}))
            if fps["x" + size] >= float(command[command.index("--needed") + 1]):
                break
        return subprocess.CompletedProcess(command, 0, "\n".join(lines), None)

    monkeypatch.setattr(live_size.subprocess, "run", run)
    return requests


@pytest.mark.parametrize(
    ("fps", "chosen", "measured"),
    [
        ({"x128x96": 40.0, "x96x64": 99.0}, "128x96", ["128x96"]),
        ({"x128x96": 31.0, "x96x64": 60.0}, "96x64", ["128x96", "96x64"]),
        ({"x128x96": 3.0, "x96x64": 9.0}, "96x64", ["128x96", "96x64"]),
    ],
)
def test_the_largest_that_is_fast_enough_is_chosen(monkeypatch, several, capsys, fps, chosen, measured):
    requests = speeds(monkeypatch, **fps)
    assert choose_size(load_preset(several), str(several), "cpu", None, 1) == chosen
    assert requests == measured
    stdout = capsys.readouterr().err
    assert stdout.startswith(f"lipar: picture {chosen}, float32: ")
    assert stdout.count("\n") == 1


def test_a_single_size_is_not_measured(monkeypatch, preset):
    assert choose_size(load_preset(preset), str(preset), None, None, None) == "96x64"


def test_the_report_lists_sizes_that_were_too_slow():
    measurements = [SizeMeasurement("512x288", "bfloat16", 18.2), SizeMeasurement("416x240", "bfloat16", 36.4)]
    assert report(measurements) == "lipar: picture 416x240, bfloat16: 36 fps alone, 32 required; 512x288 18 fps"


def test_this_machine_is_measured(monkeypatch, several, capfd):
    """End to end: a subprocess loads the networks and edits; the first size reaches one frame per second."""
    monkeypatch.setattr(live_size, "REQUIRED_FPS", 1.0)
    assert choose_size(load_preset(several), str(several), None, "float32", 1) == "128x96"
    assert "picture 128x96, float32: " in capfd.readouterr().err


def test_a_failed_measurement_is_reported_and_not_fatal(several, capfd):
    broken = load_preset(several)
    weights = msgspec.structs.replace(broken.weights, transformer=str(several), codec=str(several), text=str(several))
    tree = yaml.safe_load(several.read_text()) | {"weights": msgspec.to_builtins(weights)}
    several.write_text(yaml.safe_dump(tree))
    assert choose_size(load_preset(several), str(several), None, None, 1) == "96x64"
    stdout = capfd.readouterr().err
    assert "lipar: checkpoint" in stdout
    assert "the speed of this machine could not be measured" in stdout
