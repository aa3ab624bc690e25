"""`lipar eval`: the whole command on random weights, and each metric on inputs with known results."""

import dataclasses
import json
import math
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from msgspec.structs import replace

from lipar_core.config import PresetStyle
from lipar_core.presets import default_parameters
from lipar_eval import detectors, faces, fidelity, quality, vbench
from lipar_eval.autoencoder import change_correlation, token_pixels
from lipar_eval.clips import Clip, edit_clip, mean_keep_ratio, read_clip
from lipar_eval.latents import as_last_computed
from lipar_eval.looks import face_counts, looks
from lipar_eval.pruning import VARIANTS, pruning, recovery, scaled
from lipar_eval.summary import means
from tests.cli.clips import make_clip, picture
from tests.tiny import tiny_models, tiny_preset

FRAMES = 24
WIDE = tiny_preset(width=256, height=144, block_frames=1, window_frames=4)


@pytest.fixture(scope="module")
def wide(preset, tmp_path_factory) -> Path:
    """Random weights with a picture of 9x16 tokens, and one style with a target and one without."""
    tree = yaml.safe_load(preset.read_text())
    tree["stream"] |= {"width": 256, "height": 144}
    tree["styles"] = [{"name": "Sepia film", "prompt": "an old film"}, {"name": "Odd", "prompt": "odd"}]
    path = tmp_path_factory.mktemp("wide") / "wide.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture
def media(tmp_path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    make_clip(folder / "one.mp4", FRAMES, size=(256, 144))
    return folder


@pytest.fixture(scope="module")
def square() -> Clip:
    """A bright square moving over a static gradient, on 9x16 tokens."""
    frames = np.stack([picture(i, 256, 144) for i in range(FRAMES)])
    return Clip("square", torch.from_numpy(frames).permute(0, 3, 1, 2))


def test_eval_measures_all_parts(tmp_path, lipar, wide, media):
    out = tmp_path / "out"
    code, stdout, error_text = lipar(
        "eval", "--preset", wide, "--media", media, "--frames", FRAMES, "--scales", 0.5, 1, "--minutes", 0.5,
        "--out", out,
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
    assert len(report["detectors"]) == 2 * 2  # thresholds x noises
    assert [row["second"] for row in report["long"]] == [30]
    assert "LPIPS not measured" in stdout
    assert "VBench not measured" in stdout
    page = (out / "report.html").read_text()
    for heading in ("Autoencoder", "Styles", "Looks", "Pruning", "The detector as a codec", "Long run"):
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
def test_eval_refuses(lipar, flags, stdout):
    code, _, error_text = lipar("eval", "--preset", "tiny", *flags)
    assert code == 2
    assert stdout in error_text
    assert error_text.count("\n") == 1


def test_eval_names_a_missing_package(lipar, monkeypatch):
    monkeypatch.setitem(sys.modules, "lipar_eval.report", None)
    code, _, error_text = lipar("eval", "--preset", "tiny")
    assert code == 2
    assert "pip install 'lipar-live[eval]'" in error_text


def test_quality_of_known_pictures():
    a = torch.rand(8, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    assert quality.psnr(a, a) == pytest.approx(120)
    assert quality.psnr(a, a + 0.1) == pytest.approx(20, abs=1e-3)
    assert quality.ssim(a, a) == pytest.approx(1)
    assert quality.ssim(a, a.flip(-1)) < 0.5
    still = a[:1].expand(8, -1, -1, -1)
    blinking = still + 0.1 * (torch.arange(8) % 2).view(-1, 1, 1, 1)
    assert quality.flicker(blinking, still) == pytest.approx(25.5, rel=1e-3)
    assert math.isnan(quality.flicker(blinking, blinking))


def test_lpips_is_used_if_installed(monkeypatch):
    package = ModuleType("lpips")
    package.LPIPS = lambda net, verbose: torch.nn.PairwiseDistance()
    monkeypatch.setitem(sys.modules, "lpips", package)
    measure, note = quality.load_lpips()
    assert measure is not None
    assert measure(torch.zeros(4, 3), torch.ones(4, 3)) == pytest.approx(2 * 3**0.5)
    assert note.startswith("LPIPS (")

    def offline(net, verbose):
        raise OSError("no network")

    package.LPIPS = offline
    assert quality.load_lpips() == (None, "LPIPS not measured: its weights cannot be loaded (no network)")


VBENCH = """#!{python}
import json, pathlib, sys
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
if given["--dimension"] == {broken!r}:
    sys.exit("no weights")
films = len(list(pathlib.Path(given["--videos_path"]).glob("*.mp4")))
folder = pathlib.Path(given["--output_path"])
folder.mkdir()
(folder / "x_eval_results.json").write_text(json.dumps({{given["--dimension"]: [films / 10, []]}}))
"""


@pytest.mark.parametrize("broken", ["", "motion_smoothness"])
def test_vbench_is_used_if_installed(tmp_path, monkeypatch, square, broken):
    program = tmp_path / "vbench"
    program.write_text(VBENCH.format(python=sys.executable, broken=broken))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert vbench.find_vbench() == str(program)
    rows, note = vbench.score(str(program), {"lipar": {"one": square.pixels, "two": square.pixels}})
    if broken:
        assert (rows, note) == ([], "VBench not measured: motion_smoothness failed (no weights)")
    else:
        assert rows == [{"variant": "lipar"} | dict.fromkeys(vbench.DIMENSIONS, 0.2)]


def test_tokens_stand_for_the_pixels_below_them():
    video = torch.zeros(8, 3, 64, 96)
    video[4:, :, 16:32, 32:48] = 1
    assert token_pixels(video, 4, 6).mean(dim=-1).nonzero().tolist() == [[1, 1 * 6 + 2]]


def test_latents_that_follow_pixels_correlate():
    models = tiny_models()
    levels = torch.rand(3, 1, 4, 6, generator=torch.Generator().manual_seed(0))  # of each token, at three latent frames
    pixels = levels.repeat_interleave(4, 0).repeat_interleave(16, -2).repeat_interleave(16, -1).expand(-1, 3, -1, -1)
    latents = levels.repeat_interleave(2, -2).repeat_interleave(2, -1).expand(-1, 8, -1, -1)
    assert change_correlation(models, pixels, latents) == pytest.approx(1)
    assert abs(change_correlation(models, pixels, latents.flip(-1))) < 0.5


def test_a_held_token_is_as_last_kept():
    pixels = torch.arange(5.0).view(5, 1, 1).expand(-1, 2, 3)
    keep = torch.tensor([[1, 1], [0, 1], [0, 0], [1, 0], [0, 0]]).bool()
    assert detectors.hold_pruned(pixels, keep)[..., 0].tolist() == [[0, 0], [0, 1], [0, 1], [3, 1], [3, 1]]


def test_other_detectors_have_the_same_keep_ratio():
    change = torch.rand(20, 4, 6, generator=torch.Generator().manual_seed(0))
    for mask in (
        detectors.at_keep_ratio(lambda level: detectors.first_block(change > level, 1), 0.4),
        detectors.most_changed(change, 1, 0.4),
    ):
        assert mask.float().mean() == pytest.approx(0.4, abs=0.003)
        assert mask[0].all()
        assert change[1:][mask[1:]].min() > change[1:][~mask[1:]].max()
    still = detectors.published_detector(torch.zeros(6, 9, 16), 1, 0.1)
    assert still[0].all()
    assert not still[1:].any()


def test_the_published_detector_uses_the_next_frame():
    change = torch.zeros(8, 9, 16)
    change[4:6] = 1.0
    keep = detectors.published_detector(change, 1, 0.1)
    assert keep[3].all()
    assert not keep[1:3].any()


def test_every_detector_is_measured_clean_and_noisy(square):
    models = tiny_models(WIDE)
    clean, noisy = detectors.detectors(models, [square], scaled(models.preset, [0.5]))
    assert (clean["noise"], noisy["noise"]) == (0, 5)
    for row in (clean, noisy):
        assert row["pixels_kept"] == pytest.approx(row["lipar_kept"], abs=1e-3)
        assert row["published_kept"] >= row["lipar_kept"] - 1e-6
        assert min(row[f"{variant}_db"] for variant in detectors.VARIANTS) > 10
        assert row["anchor_worst"] < 1.3 * row["threshold"] + 1.5 * row["noise"]
    assert noisy["anchor_kept"] == pytest.approx(clean["anchor_kept"], abs=0.05)


def test_fidelity_distinguishes_styles(square, monkeypatch):
    """An output equal to a style's target is classified as that style, without error."""
    models = tiny_models(WIDE)
    styles = (PresetStyle(name="Dark", prompt="dark"), PresetStyle(name="Bright", prompt="bright"))
    models = dataclasses.replace(models, preset=replace(models.preset, styles=styles))
    targets = {"Dark": lambda frame: frame // 4, "Bright": lambda frame: 255 - frame // 4}

    def perfect(models, clip, parameters):
        return dataclasses.replace(EDITED, frames=fidelity.apply(targets[parameters.prompt.title()], clip.frames))

    EDITED = edit_clip(models, square, default_parameters(models.preset))
    monkeypatch.setattr(fidelity, "edit_clip", perfect)
    rows = fidelity.fidelity(models, [square], targets)
    assert [row["accuracy"] for row in rows] == [1.0, 1.0]
    assert all(row["psnr_db"] > 100 for row in rows)
    monkeypatch.setattr(
        fidelity,
        "edit_clip",
        lambda models, clip, parameters: perfect(models, clip, replace(parameters, prompt="dark")),
    )
    rows = fidelity.fidelity(models, [square], targets)
    assert [(row["accuracy"], row["predicted_style"]) for row in rows] == [(1.0, "Dark"), (0.0, "Dark")]


def test_arms_of_pruning(square):
    models = tiny_models(WIDE)
    everything, some = (replace(s, refresh_last_frame=False) for s in scaled(models.preset, [1e-6, 1.0]))
    rows = pruning(models, [square], ["x"], [everything, some])
    by = {(row["tau"], row["variant"]): row for row in rows}
    assert by[everything.tau, "lipar"]["kept"] == 1
    assert by[everything.tau, "lipar"]["psnr_db"] == pytest.approx(120)
    assert by[everything.tau, "perfect recovery"]["psnr_db"] == pytest.approx(120)
    ours, perfect, naive, pixels, unbounded = (by[some.tau, variant] for variant in VARIANTS)
    assert ours["kept"] == naive["kept"] == perfect["kept"] < 1
    assert perfect["psnr_db"] > ours["psnr_db"] != naive["psnr_db"]
    assert pixels["kept"] == pytest.approx(ours["kept"], abs=0.01)
    assert unbounded["kept"] <= ours["kept"]
    (worth,) = recovery(rows, some.tau)
    assert worth["gain_db"] == pytest.approx(ours["psnr_db"] - naive["psnr_db"])
    assert worth["perfect_gain_db"] == pytest.approx(perfect["psnr_db"] - naive["psnr_db"])
    assert worth["computed_gain_db"] == pytest.approx(ours["computed_psnr_db"] - naive["computed_psnr_db"])
    assert 120 > ours["computed_psnr_db"] > ours["psnr_db"]
    assert perfect["computed_psnr_db"] == pytest.approx(120)


def test_a_token_is_as_last_computed():
    x0 = torch.arange(8.0).view(4, 2, 1)
    computed = torch.tensor([[True, True], [False, True], [False, False], [True, False]])
    assert as_last_computed(x0, computed).flatten().tolist() == [0, 1, 0, 3, 0, 3, 6, 3]


def test_the_first_block_does_not_count_as_kept():
    ratios = [1.0, 0.25, 0.75]
    assert mean_keep_ratio(SimpleNamespace(blocks=[SimpleNamespace(keep_ratio=ratio) for ratio in ratios])) == 0.5
    assert mean_keep_ratio(SimpleNamespace(blocks=[SimpleNamespace(keep_ratio=1.0)])) == 1.0


def test_means_ignore_nan():
    rows = [{"a": "x", "v": 1.0}, {"a": "x", "v": 3.0}, {"a": "y", "v": math.nan}]
    assert means(rows, ["a"])[0] == {"a": "x", "v": 2.0}
    assert math.isnan(means(rows, ["a"])[1]["v"])
    assert means(rows) == [{"v": 2.0}]


def test_the_grid_of_tokens_is_seen():
    smooth = torch.linspace(0, 1, 64).expand(2, 3, 64, 64)
    even = (smooth + smooth.transpose(2, 3)) / 2
    blocks = torch.rand(2, 3, 4, 4).repeat_interleave(16, dim=2).repeat_interleave(16, dim=3)
    assert quality.grid_ratio(even, 16) == pytest.approx(1, abs=0.01)
    assert quality.grid_ratio(even + 0.2 * blocks, 16) > 3
    assert quality.grid_ratio(even + 0.2 * blocks.roll(8, dims=3).roll(8, dims=2), 16) < 0.8  # a grid elsewhere


def test_looks_has_a_row_and_pictures_for_every_style(square):
    models = tiny_models(replace(WIDE, styles=(PresetStyle(name="Sepia film", prompt="an old film"),)))
    targets = fidelity.targets_of(models.preset)

    def finder(picture):  # a face in every picture, further to the right in darker ones
        return [(10.0 * float(picture.mean() < 0.5), 0.0, 10.0, 10.0)]

    found = looks(models, [square], targets, finder)
    (row,) = found.rows
    assert (row["clip"], row["style"], row["faces"]) == ("square", "Sepia film", 4)
    assert row["faces_found"] in (0, 4)
    assert row["source_faces"] == 4
    assert row["style_accuracy"] == 1  # of one
    assert 0 < row["pruned_db"] <= 120
    assert row["source_grid"] == quality.grid_ratio(square.pixels[-16:], 16)
    assert row["target_flicker"] < 0.5  # only beside the square: the target is a little blurred
    assert face_counts([row, row]) == {"Sepia film": {"faces": 8, "faces_found": 2 * row["faces_found"]}}
    (sheet,) = found.sheets
    assert sheet.shape == (144, 2 * 3 * 256, 3)


def test_a_face_matches_at_its_position():
    box = (10.0, 10.0, 40.0, 50.0)
    assert faces.count_matching_faces([box, (100.0, 0.0, 20.0, 20.0)], [(12.0, 8.0, 40.0, 50.0)]) == 1
    assert faces.count_matching_faces([box], [(60.0, 10.0, 40.0, 50.0)]) == faces.count_matching_faces([box], []) == 0
    assert faces.count_matching_faces([], [box]) == 0


def test_overlapping_boxes_are_one_face():
    scores, sizes, offsets = np.zeros((8, 8)), np.full((2, 8, 8), 12.0), np.zeros((2, 8, 8))
    scores[3, 4], scores[3, 5], scores[7, 0] = 0.9, 0.7, 0.4
    assert faces._boxes(scores, sizes, offsets) == [(12.0, 8.0, 12.0, 12.0)]
    assert faces._boxes(scores * 0.5, sizes, offsets) == []


def test_without_weights_faces_are_not_measured(monkeypatch):
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    assert faces.load_faces() == (None, faces.MISSING_NOTE)


@pytest.mark.skipif(faces.load_faces()[0] is None, reason=faces.MISSING_NOTE)
def test_a_face_is_found_in_a_picture_of_one(desk):
    find, _ = faces.load_faces()
    (face,) = find(desk.pixels[0])
    left, top, wide, tall = face
    assert 0 < left < left + wide < 256
    assert 0 < top < top + tall < 144
    assert find(torch.rand(3, 144, 256)) == []


@pytest.fixture
def desk() -> Clip:
    path = Path(__file__).parent.parent / "media" / "webcam_desk.mp4"
    return read_clip(path, tiny_models(WIDE), 1)
