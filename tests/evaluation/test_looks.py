"""Visible artefacts: the token grid and faces."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from lipar_core.config import PresetStyle
from lipar_eval import faces, fidelity, quality
from lipar_eval.clips import Clip, read_clip
from lipar_eval.looks import face_counts, looks
from tests.tiny import tiny_models, tiny_preset

WIDE = tiny_preset(width=256, height=144, block_frames=1, window_frames=4)


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

    result = looks(models, [square], targets, finder)
    (row,) = result.rows
    assert (row["clip"], row["style"], row["faces"]) == ("square", "Sepia film", 4)
    assert row["faces_found"] in (0, 4)
    assert row["source_faces"] == 4
    assert row["style_accuracy"] == 1  # of one
    assert 0 < row["pruned_db"] <= 120
    assert row["source_grid"] == quality.grid_ratio(square.pixels[-16:], 16)
    assert row["target_flicker"] < 0.5  # only beside the square: the target is a little blurred
    assert face_counts([row, row]) == {"Sepia film": {"faces": 8, "faces_found": 2 * row["faces_found"]}}
    (sheet,) = result.sheets
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
