"""Alignment of prompts: all prompts of a style get one embedding, mixes the mean of two."""

from copy import deepcopy

import pytest
import torch
from msgspec.structs import replace

from lipar_core.kinds.text import HashedConfig
from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_eval.classical_styles import STYLES
from tests.training.tiny_recipe import STAGE
from training.editor import train_editor
from training.prompt_alignment import align_prompts, style_embeddings
from training.prompt_samples import PromptBatch, PromptSample
from training.rollout import Editor

PROMPTS = ("moonlight", "under a full moon", "make it look like a night scene", "at midnight, with a robot")


@pytest.fixture(scope="module")
def encoders() -> tuple[HashedTextEncoder, HashedTextEncoder]:
    """The same encoder before and after."""
    torch.manual_seed(0)
    before = HashedTextEncoder(HashedConfig(buckets=1024, dim=16), 4, 16)
    after = deepcopy(before)
    align_prompts(after, 30, (0, 0))
    return before, after


def test_prompts_of_one_style_get_its_embedding(encoders):
    target = style_embeddings(encoders[0])[list(STYLES).index("moonlight")]
    before, after = (sum(_distance(encoder, prompt, target) for prompt in PROMPTS) for encoder in encoders)
    assert after < 0.9 * before
    before, after = (style_embeddings(encoder).var(dim=0).mean() for encoder in encoders)
    assert after > 0.4 * before  # and not every style the same


def test_two_styles_in_one_prompt_aim_at_their_mean():
    table = torch.randn(len(STYLES), 4, 16)
    sample = PromptSample("half heat map, half watercolour", "", 0.0, ("thermal", "watercolour"), 0.5)
    expected = (table[list(STYLES).index("thermal")] + table[list(STYLES).index("watercolour")]) / 2
    torch.testing.assert_close(PromptBatch([sample]).mixed(table)[0], expected)


def test_a_stage_that_aligns_keeps_the_encoder_from_then_on(tmp_path, clips, preset, codec):
    editor = Editor(preset, codec)
    start = deepcopy(editor.text.state_dict())
    stage = replace(STAGE, steps=1, align_prompts=1)
    train_editor(editor, preset, (stage,), clips, 0, tmp_path)
    aligned = deepcopy(editor.text.state_dict())
    assert any(not torch.equal(aligned[name], start[name]) for name in start)
    editor.requires_grad_(True)
    train_editor(editor, preset, (replace(stage, steps=2),), clips, 0, tmp_path)  # resumed: not aligned again
    for name, value in editor.text.state_dict().items():
        torch.testing.assert_close(value, aligned[name], rtol=0, atol=1e-6)


def _distance(encoder: HashedTextEncoder, prompt: str, target: torch.Tensor) -> float:
    return float((encoder.encode(prompt) - target).square().mean())
