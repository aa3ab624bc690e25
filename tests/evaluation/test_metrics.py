"""The metrics of `lipar eval` on inputs with known results."""

import dataclasses
import math
import os
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from msgspec.structs import replace

from lipar_core.config import PresetStyle
from lipar_core.presets import default_parameters
from lipar_eval import fidelity, quality, vbench
from lipar_eval.autoencoder import change_correlation, token_pixels
from lipar_eval.edited_clips import edit_clip, mean_keep_ratio
from lipar_eval.latents import as_last_computed
from lipar_eval.lpips_metric import load_lpips
from lipar_eval.pruning import VARIANTS, pruning, recovery, scaled
from lipar_eval.summary import means
from tests.tiny import tiny_models, tiny_preset

WIDE = tiny_preset(width=256, height=144, block_frames=1, window_frames=4)


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
    measure, note = load_lpips()
    assert measure is not None
    assert measure(torch.zeros(4, 3), torch.ones(4, 3)) == pytest.approx(2 * 3**0.5)
    assert note.startswith("LPIPS (")

    def offline(net, verbose):
        raise OSError("no network")

    package.LPIPS = offline
    assert load_lpips() == (None, "LPIPS not measured: its weights cannot be loaded (no network)")


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
    assert token_pixels(video, tiny_preset().stream).mean(dim=-1).nonzero().tolist() == [[1, 1 * 6 + 2]]


def test_latents_that_follow_pixels_correlate():
    models = tiny_models()
    levels = torch.rand(3, 1, 4, 6, generator=torch.Generator().manual_seed(0))  # of each token, at three latent frames
    pixels = levels.repeat_interleave(4, 0).repeat_interleave(16, -2).repeat_interleave(16, -1).expand(-1, 3, -1, -1)
    latents = levels.repeat_interleave(2, -2).repeat_interleave(2, -1).expand(-1, 8, -1, -1)
    assert change_correlation(models, pixels, latents) == pytest.approx(1)
    assert abs(change_correlation(models, pixels, latents.flip(-1))) < 0.5


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


def test_pruning_variants(square):
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
