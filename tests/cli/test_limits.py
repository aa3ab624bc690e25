"""The bundled model's acceptance limits, on rows with known results."""

import json
from pathlib import Path

from lipar_eval.limits import hides_faces, limits, read_motions

GOOD = {
    "clip": "a", "style": "Comic", "kept": 0.5, "psnr_db": 25.0, "codec_db": 27.0, "ssim": 0.85, "pruned_db": 34.0,
    "style_accuracy": 1.0, "grid": 1.1, "target_grid": 1.0, "flicker": 0.6, "unpruned_flicker": 0.9,
    "target_flicker": 0.5, "codec_flicker": 0.8, "source_faces": 4, "faces": 4, "faces_found": 4,
}  # fmt: skip
PLAIN = GOOD | {"style": "No edit", "psnr_db": 30.0, "codec_db": 31.0}
LONG = [{"second": 30, "psnr_db": 25.0}, {"second": 300, "psnr_db": 24.9}]


def failed(looks, long=LONG, motions=None):
    return [row["line"] for row in limits(looks, long, motions or {}) if row["passed"] == "NO"]


def test_a_good_model_passes_every_limit():
    lines = limits([GOOD, PLAIN], LONG, {})
    assert len(lines) == 10
    assert failed([GOOD, PLAIN]) == []


def test_each_limit_fails_by_its_own_value():
    for change, words in [
        ({"grid": 1.3}, "grid ratio (Comic"),
        ({"faces_found": 2}, "faces found, 6 of 8"),
        ({"psnr_db": 23.9}, "1 of 2 styles fail"),
        ({"ssim": 0.69}, "SSIM (Comic)"),
        ({"style_accuracy": 0.9}, "style accuracy"),
        ({"flicker": 0.8}, "flicker over the target's (Comic; unpruned 0.90 levels, codec 0.80)"),
        ({"pruned_db": 29.0}, "pruned to unpruned"),
        ({"kept": 0.8}, "pruned to unpruned"),
    ]:
        lines = failed([GOOD | change, PLAIN])
        assert any(words in line for line in lines), (change, lines)
    assert failed([GOOD, PLAIN | {"psnr_db": 29.4}]) == ["no edit, dB"]
    assert failed([GOOD, PLAIN], [LONG[0], {"second": 300, "psnr_db": 24.0}]) == ["drift in 300 s, dB lost"]


def test_far_from_the_codec_is_good_enough_at_29_db():
    assert failed([GOOD | {"psnr_db": 29.0, "codec_db": 35.0}, PLAIN]) == []


def test_targets_with_their_own_grid_are_excluded_and_named():
    (grid, *_) = limits([GOOD, GOOD | {"style": "Pixel art", "grid": 1.8, "target_grid": 1.7}, PLAIN], [], {})
    assert grid["passed"] == "yes"
    assert "grid of their own: Pixel art" in grid["line"]


def test_styles_whose_target_hides_faces_are_named():
    hidden = GOOD | {"style": "Pixel art", "faces": 1, "faces_found": 1}
    assert hides_faces([GOOD, hidden]) == ["Pixel art"]
    assert any("hidden by: Pixel art" in row["line"] for row in limits([GOOD, hidden], [], {}))


def test_high_motion_does_not_count_for_pruning(tmp_path):
    (tmp_path / "MANIFEST.json").write_text(json.dumps([{"file": "eval/b.mp4", "motion": "high"}, {"file": "c.jpg"}]))
    motions = read_motions([tmp_path / "eval" / "b.mp4"])
    assert motions == {"b": "high"}
    fast = GOOD | {"clip": "b", "kept": 0.95, "pruned_db": 60.0}
    assert failed([GOOD, PLAIN, fast], LONG, motions) == []
    assert len(failed([GOOD, PLAIN, fast], LONG)) == 1
    assert read_motions([Path("/nowhere/at/all.mp4")]) == {}


def test_what_was_not_measured_has_no_line():
    assert limits([], [], {}) == []
    bare = {name: value for name, value in GOOD.items() if "faces" not in name}
    assert not any("faces" in row["line"] for row in limits([bare], [], {}))
