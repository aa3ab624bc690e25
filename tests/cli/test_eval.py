"""`lipar eval`: the whole command on random weights."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from lipar_cli.eval import PARTS
from tests.cli.clips import make_clip

FRAMES = 24


@pytest.fixture(scope="module")
def wide(preset, tmp_path_factory) -> Path:
    """Random weights with a picture of 5x8 tokens, and one style with a target and one without."""
    tree = yaml.safe_load(preset.read_text())
    tree["stream"] |= {"width": 128, "height": 80}
    tree["styles"] = [{"name": "Sepia film", "prompt": "an old film"}, {"name": "Odd", "prompt": "odd"}]
    path = tmp_path_factory.mktemp("wide") / "wide.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture
def media(tmp_path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    make_clip(folder / "one.mp4", FRAMES, size=(128, 80))
    return folder


def test_eval_measures_all_parts_that_use_clips(tmp_path, lipar, wide, media):
    out = tmp_path / "out"
    code, stdout, error_text = lipar(
        "eval", "--preset", wide, "--media", media, "--frames", FRAMES, "--scales", 0.5, 1, "--minutes", 0.5,
        "--parts", *(part for part in PARTS if part != "sources"), "--out", out,
    )  # fmt: skip
    assert code == 0, error_text
    report = json.loads((out / "report.json").read_text())
    assert {"date", "machine"} <= report["machine"].keys()
    assert report["clips"] == ["one"]
    assert {row["clip"] for row in report["autoencoder"]} == {"one"}
    assert [row["style"] for row in report["fidelity"]] == ["Sepia film"]
    assert [row["style"] for row in report["looks"]] == ["Sepia film"]
    assert len(report["pruning"]) == 2 * 5  # thresholds x variants
    assert all(0 < row["kept"] <= 1 for row in report["pruning"])
    assert len(report["detectors"]) == 2 * 3 * 3  # scales x detectors x conditions of the source
    assert all(row["output_db"] > 0 for row in report["detectors"])
    assert [row["second"] for row in report["long"]] == [30]
    assert "LPIPS not measured" in stdout
    assert "VBench not measured" in stdout
    page = (out / "report.html").read_text()
    for heading in ("Autoencoder", "Styles", "Looks", "Pruning", "Detectors compared: output_db", "Long run"):
        assert f"<h2>{heading}" in page
    assert page.count("data:image/svg+xml") >= 5
    assert 'src="http' not in page


def test_eval_measures_the_selected_parts(tmp_path, lipar, wide, media):
    flags = ("--media", media, "--frames", FRAMES, "--parts", "pruning", "--scales", 1, "--out", tmp_path)
    assert lipar("eval", "--preset", wide, *flags, "-p", "a <b>", "-p", "c")[0] == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert "autoencoder" not in report
    assert {row["prompt"] for row in report["pruning"]} == {"a <b>", "c"}
    assert "a &lt;b&gt;" in (tmp_path / "report.html").read_text()
    assert lipar("eval", "--preset", wide, *flags, "--every-style")[0] == 0
    assert {r["prompt"] for r in json.loads((tmp_path / "report.json").read_text())["pruning"]} == {
        "an old film",
        "odd",
    }


@pytest.mark.parametrize(
    ("flags", "stdout"),
    [
        (("--frames", 3), "--frames = 3: must be at least 24"),
        (("--minutes", 0), "--minutes = 0: must be >= 0.5 and <= 60"),
        (("--scales", 0), "--scales = 0: must be > 0 and <= 10"),
        (("--media", "nowhere"), "--media nowhere: no .mp4 file there"),
        (("--parts", "speed"), "argument --parts: invalid choice: 'speed'"),
        (("--out", __file__), f"--out {__file__}: is not a folder"),
    ],
)
def test_eval_rejects(lipar, flags, stdout):
    code, _, error_text = lipar("eval", "--preset", "tiny", *flags)
    assert code == 2
    assert stdout in error_text
    assert error_text.count("\n") == 1


def test_eval_names_a_missing_package(lipar, monkeypatch):
    monkeypatch.setitem(sys.modules, "lipar_eval.report", None)
    code, _, error_text = lipar("eval", "--preset", "tiny")
    assert code == 2
    assert "pip install 'lipar-live[eval]'" in error_text
