"""The commands that check and measure: verify, bench."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import save_file

from lipar_cli import bench
from lipar_core.models.loading import Models
from lipar_eval import throughput
from lipar_eval.clips import read_clip
from tests.cli.clips import make_clip, read
from tests.tiny import tiny_models

DATA = Path(__file__).parent.parent / "data"
FILES = sorted(DATA.glob("*.safetensors"))


@pytest.fixture
def media(tmp_path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    make_clip(folder / "one.mp4", 30, size=(256, 144))
    return folder


@pytest.fixture(scope="module")
def preset(preset, tmp_path_factory) -> Path:
    """Random weights with a picture of 9x16 tokens, some of which stay static beside a moving square."""
    tree = yaml.safe_load(preset.read_text())
    tree["stream"] |= {"width": 256, "height": 144}
    path = tmp_path_factory.mktemp("wide") / "wide.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_verify_prints_one_line_per_file(lipar):
    code, stdout, _ = lipar("verify", *FILES)
    assert code == 0
    assert [line.split(": ")[:3:2] for line in stdout.splitlines()] == [[str(path), "ok"] for path in FILES]


def test_verify_fails_past_tolerance(tmp_path, lipar):
    source = DATA / "taehv_seeded.safetensors"
    with safe_open(source, "pt") as file:
        tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    tensors["latent"][0, 0] += 0.1
    save_file(tensors, tmp_path / "off.safetensors", metadata)
    code, stdout, _ = lipar("verify", tmp_path / "off.safetensors", source)
    assert code == 1
    assert [line.split(": ")[2] for line in stdout.splitlines()] == ["FAILED", "ok"]


def test_verify_continues_after_an_unreadable_file(tmp_path, lipar):
    (tmp_path / "junk").write_bytes(b"junk" * 50)
    weights = tmp_path / "weights.safetensors"
    save_file({"x": torch.zeros(1)}, weights)
    code, stdout, error_text = lipar("verify", tmp_path / "none", tmp_path / "junk", weights, FILES[0])
    assert code == 2
    assert [line.split(": ")[:2] for line in error_text.splitlines()] == [
        ["lipar", str(tmp_path / "none")],
        ["lipar", str(tmp_path / "junk")],
        ["lipar", str(weights)],
    ]
    assert stdout.startswith(f"{FILES[0]}: ")
    assert ": ok: " in stdout


def test_verify_reports_the_drift_of_a_dtype(lipar, preset):
    """Every block's x0, from the first on; a dtype against itself has none. Exit code 1 past a limit."""
    for dtype, low, high, limit in (("bfloat16", 1e-4, 5e-2, ("--limit", 1e-4)), ("float32", -1, 0, ())):
        flags = "--against", "float32", "--dtype", dtype, "--preset", preset, "--random-weights", "--blocks", 3
        code, stdout, _ = lipar("verify", *flags, *limit)
        assert code == (1 if limit else 0)
        errors = [float(text) for text in stdout.splitlines()[-1].split()]
        assert len(errors) == 3
        assert all(low < error <= high for error in errors)


FEWER = {
    "RATIOS": (1, 0.5, 0),
    "ARM_RATIOS": (0.5,),
    "DTYPE_RATIOS": (0.5,),
    "PAPER_RATIOS": (),
    "SESSIONS": (1, 2),
    "SYNTHETIC": ("pan",),
}  # constants of the command


def test_bench_measures_every_part(tmp_path, lipar, preset, media, monkeypatch):
    for name, values in FEWER.items():
        monkeypatch.setattr(bench, name, values)
    target = tmp_path / "results.json"
    trace = tmp_path / "trace.json"
    flags = "--random-weights", "--parts", "all", "--seconds", 0.4, "--profile", trace, "--blocks", 4
    flags = *flags, "--media", media, "--json", target
    code, stdout, _ = lipar("bench", "--preset", preset, *flags)
    assert code == 0
    results = json.loads(target.read_text())
    assert {"date", "machine", "software", "calibration"} <= results["machine"].keys()
    tokens = 9 * 16  # a frame's
    for variant, ratio in zip(results["forced"], [1, 0.5, 0], strict=True):
        assert variant["kept"] == pytest.approx(ratio, abs=1 / tokens)
    variants = results["clips"]["one.mp4"]
    assert [variant["variant"] for variant in variants] == ["off", "anchor", "lipar"]
    assert variants[0]["kept"] == 1
    assert all(variant["kept"] < 1 for variant in variants[1:])
    assert list(results["clips"]) == ["pan", "one.mp4"]
    for variant in [*results["forced"], *variants]:
        assert variant["gate"]["passed"]
        spread = variant["block_ms"]
        assert 0 < spread["min"] <= spread["median"] <= spread["p99"] <= spread["max"]
        assert variant["fps"] == pytest.approx(4000 / spread["median"])
        assert list(variant["stage_ms"]) == ["encode", "detect", "denoise", "decode", "clean"]
    require_right_arms(results)
    assert results["paper"][0]["arm"].startswith("off, window grows")
    assert [row["sessions"] for row in results["sessions"]] == [1, 2]
    assert [row["fps"] for row in results["streams"]] == [16, 30]
    for row in (*results["paper"], *results["sessions"], *results["streams"]):
        assert row["gate"]["passed"]
    assert results["profile"][0]["ms per block"] > results["profile"][-1]["ms per block"] > 0
    stages = {event["name"] for event in json.loads(trace.read_text())["traceEvents"] if "name" in event}
    assert {f"lipar {stage}" for stage in ("encode", "detect", "denoise", "decode", "clean")} < stages
    require_self_contained(target.with_suffix(".html").read_text())
    assert results["fit_ms"].keys() == {"t0", "t1"}
    assert results["memory"]["process"] > results["planned"]["bytes"] > 0
    assert "keep 0.50" in stdout
    assert "one.mp4: pruning off and by each detector" in stdout
    assert str(target) in stdout


def require_right_arms(results: dict[str, Any]) -> None:
    arms = {(arm["name"], arm["gate"]["passed"]) for arm in results["arms"]}
    names = "engine", "no folded codec", "full clean pass", "no buckets", "published style"
    assert arms == {(name, True) for name in names}
    (dtype,) = results["dtypes"]
    assert dtype["name"] == "bfloat16"
    assert 1e-4 < dtype["x0_error"] < 2e-2
    assert dtype["gate"]["passed"]


def require_self_contained(report: str) -> None:
    titles = (
        "Keep ratios",
        "Arms",
        "Dtypes",
        "The paper&#39;s pairing",
        "Clip pan",
        "Sessions",
        "Paced streams",
        "Memory at most",
    )
    assert all(f"<h2>{title}</h2>" in report for title in titles)
    assert "every correctness gate passed" in report
    assert not re.search(r"""(src|href)=["'](?!data:)""", report)  # self-contained


def test_bench_rejects_a_clip_shorter_than_a_block(tmp_path, lipar, preset):
    make_clip(tmp_path / "short.mp4", 3)
    code, _, error_text = lipar(
        "bench", "--preset", preset, "--media", tmp_path, "--blocks", 4, "--json", tmp_path / "x"
    )
    assert code == 2
    assert "short.mp4: has 3 frames, a block takes 4" in error_text
    assert not (tmp_path / "x").exists()


def test_variants_are_interleaved_forwards_and_backwards():
    order: list[str] = []

    class Recorder:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, _frames, *, is_measured: bool) -> None:
            order.append(self.name if is_measured else self.name.lower())

    throughput.interleave([Recorder("A"), Recorder("B")], lambda _: torch.empty(0), 4)  # type: ignore[list-item]
    assert "".join(order) == "abbaabBAABBAAB"


def test_clips_are_read_completely_in_the_preset_s_size(media):
    models: Models = tiny_models()
    clip = read_clip(media / "one.mp4", models).frames
    assert clip.shape == (30, 3, 64, 96)
    assert clip.dtype == torch.uint8
    assert not clip[7].equal(clip[8])


@pytest.mark.parametrize(("size", "dtype"), [("256x144", "float32"), ("240x416", "bfloat16")])
def test_the_bundled_model_edits_a_clip(tmp_path, lipar, size, dtype):
    """Size and dtype of the last line reproduce the run."""
    clip, out = make_clip(tmp_path / "in.mp4", 8, size=(320, 180)), tmp_path / "out.mp4"
    flags = ("-p", "a pencil sketch", "--preset", "tiny", "--size", size, "--dtype", dtype)
    code, stdout, _ = lipar("edit", clip, "-o", out, *flags)
    assert code == 0
    assert f"320x180 -> {size}, scaled" in stdout
    assert f"{out}: {size}, {dtype}: 8 frames" in stdout
    frames = read(out).frames
    assert [frame.shape[1::-1] for frame in frames] == [tuple(map(int, size.split("x")))] * 8
