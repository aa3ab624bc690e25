import random

import cv2
import numpy as np
import pytest

from lipar_cli.evaluation.styles import STYLES, apply
from training.prompts import NAMES, TEMPLATES, draw

RAMP = np.indices((48, 64)).sum(axis=0) * 2
SCENE = np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=-1).clip(0, 255).astype(np.uint8)
SCENE[10:20, 20:40] = (250, 20, 30)


def saturation(frame):
    return cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 1].mean()


@pytest.mark.parametrize("name", STYLES)
def test_styles_keep_shape_and_repeat_exactly(name):
    clip = np.stack([SCENE, SCENE[:, ::-1], SCENE])
    styled = apply(name, clip)
    assert styled.shape == clip.shape
    assert styled.dtype == np.uint8
    assert np.array_equal(styled[0], styled[2])
    assert styled[0].std() > 5


def test_styles_are_told_apart():
    pictures = {name: style(SCENE).astype(int) for name, style in STYLES.items()}
    for a in pictures:
        for b in pictures:
            assert a == b or np.abs(pictures[a] - pictures[b]).mean() > 4, (a, b)


def test_a_sketch_has_no_colour_and_no_edit_changes_nothing():
    assert saturation(STYLES["pencil sketch"](SCENE)) == 0
    assert saturation(STYLES["comic"](SCENE)) > saturation(SCENE)
    assert np.array_equal(STYLES["no edit"](SCENE), SCENE)


def test_prompts_cover_every_style_in_many_words():
    assert {*NAMES, "no edit"} == set(STYLES)
    rng = random.Random(0)
    for style in STYLES:
        assert len({draw(style, rng) for _ in range(200)}) > 60
    assert len(TEMPLATES) >= 15
