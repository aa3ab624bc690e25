"""Behaviour of the bundled model with any weights: styles, mixed prompts, unknown words, strength."""

import functools
import math
from functools import partial

import pytest
import torch

from harness.local import ROOT
from lipar_core.models.loading import Models, load_models
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters, load_preset
from lipar_eval.clips import Clip, read_clip
from lipar_eval.edited_clips import edit_clip

FRAMES = 16


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(load_preset("tiny"), dtype="float32")


@pytest.fixture(scope="module")
def clip(models) -> Clip:
    return read_clip(ROOT / "tests" / "media" / "webcam_desk.mp4", models, FRAMES)


@pytest.fixture(scope="module")
def ask(models, clip):
    """The last block of the clip's edit [4, 3, H, W]; each edit is made once."""

    @functools.cache
    def edited(prompt: str, **changes: object) -> torch.Tensor:
        parameters = merge(default_parameters(models.preset), {"prompt": prompt, **changes})
        return edit_clip(models, clip, parameters).frames[-4:]

    return edited


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return math.sqrt(float(((a - b) ** 2).mean()))


def test_styles_are_distinguishable_by_their_prompts(ask):
    red, green, blue = ask("night vision goggles").mean(dim=(0, 2, 3)).tolist()
    assert green > 1.5 * max(red, blue)
    red, green, blue = ask("an old sepia film").mean(dim=(0, 2, 3)).tolist()
    assert red > green > blue
    assert ask("a pencil sketch").mean() > ask("moonlight").mean() + 0.2


@pytest.mark.parametrize("other", ["a green night scope", "military night vision, detailed"])
def test_synonyms_select_the_style(ask, other):
    there, found, none = ask("night vision goggles"), ask(other), ask("no change")
    assert distance(found, there) < 0.3 * distance(found, none)


def test_a_mixed_prompt_is_between_its_styles(ask):
    one, two = ask("an old sepia film"), ask("night vision goggles")
    mixed = ask("half sepia film, half night vision")
    assert max(distance(mixed, one), distance(mixed, two)) < distance(one, two)


def test_mixed_embeddings_move_from_one_style_to_the_other(models, clip, ask):
    def mixed(weight: float) -> torch.Tensor:
        weights = {"an old sepia film": 1 - weight, "night vision goggles": weight}
        prompts = [{"text": text, "weight": part} for text, part in weights.items()]
        return edit_clip(models, clip, merge(default_parameters(models.preset), {"prompts": prompts})).frames[-4:]

    one, two = ask("an old sepia film"), ask("night vision goggles")
    few, many = mixed(0.25), mixed(0.75)
    assert distance(few, one) < distance(many, one) < distance(two, one)
    assert distance(many, two) < distance(few, two) < distance(one, two)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [("no change", ()), ("robot", ("robot",)), ("blorp the wibbly frotz", ("blorp", "wibbly", "frotz"))],
)
def test_unknown_words_are_reported_and_change_little(models, ask, clip, prompt, unknown):
    assert distance(ask(prompt), clip.pixels[-4:]) < 0.08
    assert models.prompts.encode(prompt).tokens.unknown_words == unknown


def test_strength_0_is_no_edit_and_more_of_it_edits(ask):
    plain, asked = ask("no change", strength=0.0), partial(ask, "night vision goggles")
    assert distance(asked(strength=0.0), plain) < 1e-6
    assert distance(asked(strength=0.06), plain) > 0.1
    assert asked(strength=0.5).isfinite().all()
