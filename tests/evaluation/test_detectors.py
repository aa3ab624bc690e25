"""The measurement of detectors on inputs with known results."""

import math

import pytest
import torch

from lipar_eval import detectors, keep_masks
from lipar_eval.detector_comparison import compare, value_at
from lipar_eval.quality import seam_ratio
from lipar_eval.source_conditions import CONDITIONS
from tests.tiny import tiny_models, tiny_preset

WIDE = tiny_preset(width=256, height=144, block_frames=1, window_frames=4)


def test_a_held_token_is_as_last_kept():
    pixels = torch.arange(5.0).view(5, 1, 1).expand(-1, 2, 3)
    keep = torch.tensor([[1, 1], [0, 1], [0, 0], [1, 0], [0, 0]]).bool()
    assert detectors.hold_pruned(pixels, keep)[..., 0].tolist() == [[0, 0], [0, 1], [0, 1], [3, 1], [3, 1]]


def test_largest_changes_are_kept():
    change = torch.rand(20, 4, 6, generator=torch.Generator().manual_seed(0))
    mask = keep_masks.largest_changes(change, 1, 0.4)
    assert mask.float().mean() == pytest.approx(0.4, abs=0.003)
    assert mask[0].all()
    assert change[1:][mask[1:]].min() > change[1:][~mask[1:]].max()


def test_the_published_detector_uses_the_next_frame():
    still = keep_masks.published_detector(torch.zeros(6, 9, 16), 1, 0.1)
    assert still[0].all()
    assert not still[1:].any()
    change = torch.zeros(8, 9, 16)
    change[4:6] = 1.0
    keep = keep_masks.published_detector(change, 1, 0.1)
    assert keep[3].all()
    assert not keep[1:3].any()


def test_every_detector_is_measured_in_every_condition(square):
    models = tiny_models(WIDE)
    rows = detectors.detectors(models, [square], [0.5, 1e-6], "x")
    assert len(rows) == len(CONDITIONS) * len(detectors.DETECTORS) * 2
    by = {(row["source"], row["detector"], row["scale"]): row for row in rows}
    clean, noisy = by["clean", "anchor", 0.5], by["noise 5", "anchor", 0.5]
    assert noisy["kept"] == pytest.approx(clean["kept"], abs=0.05)
    assert noisy["worst_content"] < noisy["worst"]
    assert clean["worst_content"] == clean["worst"] < 1.3 * 0.5 * models.preset.pruning.threshold + 1.5
    all_kept = by["clean", "lipar", 1e-6]
    assert all_kept["kept"] == 1
    assert all_kept["output_db"] == all_kept["held_db"] == pytest.approx(120)
    assert math.isnan(all_kept["seam"])
    assert 0 < clean["output_db"] < 60
    assert clean["seam"] > 0


def test_a_seam_is_a_gradient_at_the_border_of_kept_and_pruned_tokens():
    smooth = torch.linspace(0, 1, 96).expand(4, 3, 64, 96)
    keep = torch.zeros(1, 4, 6, dtype=torch.bool)
    keep[:, :, 3:] = True
    assert seam_ratio(smooth, smooth, keep) == pytest.approx(1)
    stepped = smooth.clone()
    stepped[..., 48:] += 2 / 95
    assert seam_ratio(stepped, smooth, keep) == pytest.approx(3, rel=1e-4)
    elsewhere = smooth.clone()
    elsewhere[..., 32:] += 2 / 95
    assert seam_ratio(elsewhere, smooth, keep) == pytest.approx(1, rel=1e-4)
    assert seam_ratio(stepped.transpose(-1, -2), smooth.transpose(-1, -2), keep.transpose(-1, -2)) == pytest.approx(
        3, rel=1e-4
    )


def test_detectors_are_compared_at_equal_shares_and_at_equal_fidelity():
    def rows(clip, detector, points):
        return [
            {"clip": clip, "source": "clean", "detector": detector, "scale": float(i), "kept": kept, "db": db}
            for i, (kept, db) in enumerate(points)
        ]

    measured = [
        *rows("a", "anchor", [(0.4, 40.0)]),
        *rows("b", "anchor", [(0.2, 36.0)]),
        *rows("a", "lipar", [(0.8, 44.0), (0.4, 36.0)]),
        *rows("b", "lipar", [(0.6, 40.0), (0.1, 25.0)]),
    ]
    (line,) = compare(measured, "db")
    assert line["gain_db"] == pytest.approx(38 - (30.5 + 11.5 * 0.05 / 0.45))  # their means: (0.7, 42), (0.25, 30.5)
    assert line["fewer_tokens"] == pytest.approx(1 - 0.3 / (0.25 + 0.45 * 7.5 / 11.5))
    assert (line["worst_clip"], line["worst_gain_db"], line["clips"]) == ("a", pytest.approx(4), 2)
    assert math.isnan(value_at([(0.2, 30.0), (0.5, 40.0)], 0.6))
