import json
import random

import cv2
import numpy as np
import pytest

from lipar_eval import classical_styles
from training.media import train_photos
from training.prompts import NAMES, TEMPLATES, draw_mixed_prompt, draw_prompt

RAMP = np.indices((48, 64)).sum(axis=0) * 2
SCENE = np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=-1).clip(0, 255).astype(np.uint8)
SCENE[10:20, 20:40] = (250, 20, 30)


def saturation(frame):
    return cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 1].mean()


@pytest.mark.parametrize("name", classical_styles.STYLES)
def test_targets_are_static_where_the_source_is(name):
    """Camera noise must not cause flicker: thresholds are soft and texture is smoothed before lines are drawn."""
    scene = cv2.GaussianBlur(cv2.resize(SCENE, (128, 96)), (0, 0), 2)
    noise = np.random.default_rng(0).normal(0, 1.0, (2, *scene.shape))
    clip = (scene + noise).round().clip(0, 255).astype(np.uint8)
    change = np.abs(np.diff(clip.astype(float), axis=0)).mean()
    styled = np.stack([classical_styles.STYLES[name](frame) for frame in clip]).astype(float)
    assert styled.shape == clip.shape
    assert styled.std() > 5
    assert np.abs(np.diff(styled, axis=0)).mean() < 2 * change


def test_targets_are_distinguishable():
    pictures = {name: style(SCENE).astype(int) for name, style in classical_styles.STYLES.items()}
    for a in pictures:
        for b in pictures:
            assert a == b or np.abs(pictures[a] - pictures[b]).mean() > 4, (a, b)


def test_a_crop_with_its_margin_has_the_target_of_the_whole():
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (128, 160, 3), dtype=np.uint8), (0, 0), 4)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    rows, columns, reach = slice(48, 80), slice(48, 96), classical_styles.FILTER_RADIUS
    around = scene[rows.start - reach : rows.stop + reach, columns.start - reach : columns.stop + reach]
    for name, style in classical_styles.STYLES.items():
        whole = style(scene)[rows, columns].astype(float)
        part = style(np.ascontiguousarray(around))[reach:-reach, reach:-reach].astype(float)
        assert np.abs(whole - part).mean() < 1, name


def test_a_comic_has_more_colour_a_sketch_less_and_no_edit_changes_nothing():
    assert saturation(classical_styles.STYLES["pencil sketch"](SCENE)) < 0.5 * saturation(SCENE)
    assert saturation(classical_styles.STYLES["comic"](SCENE)) > saturation(SCENE)
    assert np.array_equal(classical_styles.STYLES["no edit"](SCENE), SCENE)


def test_prompts_cover_every_style_with_many_names():
    assert {*NAMES, "no edit"} == set(classical_styles.STYLES)
    rng = random.Random(0)
    for style in classical_styles.STYLES:
        assert len({draw_prompt(style, rng) for _ in range(200)}) > 60
    assert len(TEMPLATES) >= 15


def test_a_mix_names_both_styles():
    rng = random.Random(0)
    for _ in range(50):
        text = draw_mixed_prompt("thermal", "film noir", rng)
        assert any(name in text for name in NAMES["thermal"])
        assert any(name in text for name in NAMES["film noir"])


def test_photos_pan_or_have_a_moving_cut_out(tmp_path):
    rng, entries = np.random.default_rng(0), []
    for number in range(4):
        picture = cv2.GaussianBlur(rng.integers(0, 256, (200, 320, 3), dtype=np.uint8), (0, 0), 4)
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
        entries.append({"file": f"{number}.png", "split": "train", "kind": "photo", "tags": []})
    (tmp_path / "MANIFEST.json").write_text(json.dumps(entries))
    for number, (name, clip) in enumerate(train_photos(tmp_path, [(96, 64)], 8)):
        assert (name, clip.shape, clip.dtype) == (f"{number}.png", (8, 64, 96, 3), np.uint8)
        moved = (np.abs(np.diff(clip.astype(int), axis=0)).max(axis=-1) > 1).mean(axis=(1, 2))
        assert moved.min() > 0  # something moves in every frame
        assert (moved.max() < 0.6) == (number % 2 == 1)  # a moving cut-out, or a pan of the whole photo
