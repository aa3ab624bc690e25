"""Runs: resuming, initial editors, export, the recipe."""

from copy import deepcopy

import pytest
import torch
from msgspec.structs import replace

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.checkpoints.key_names import select_network
from lipar_core.config import WeightsConfig
from lipar_core.errors import CheckpointError
from lipar_core.models.loading import load_models
from lipar_core.parameters import Parameters
from lipar_core.patches import patchify
from lipar_core.rope import RotaryTable
from lipar_core.session import EditSession
from tests.tiny import draw_something
from tests.training.tiny_recipe import LAYOUT, PLAIN, STAGE
from training.codec import as_tensor, train_codec
from training.editor import load_editor, train_editor, trained_editor, widen_channels
from training.export import export
from training.recipe import CodecRecipe, load_recipe, preset_of
from training.renderer import train_renderer
from training.rollout import Editor
from training.rollout_cache import RolloutCache


def test_resumed_runs_equal_uninterrupted_ones(tmp_path, clips, preset):
    recipe = CodecRecipe(steps=2, batch=1, frames=8, crop=32, rate=1e-4, warmup=1, latent_noise=0.0)
    plain = train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "codec.pt")
    again = train_codec(PLAIN, recipe, [], {}, 0, tmp_path / "codec.pt")  # nothing left to do
    for a, b in zip(plain.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    drawing = replace(STAGE, name="renderer", steps=2, past=0, prune=0.0)
    codec = train_renderer(preset, drawing, plain, clips, 0, tmp_path)
    again = train_renderer(preset, drawing, plain, [clips[0]], 0, tmp_path)
    for a, b in zip(codec.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    start = Editor(preset, codec)
    whole = train_editor(deepcopy(start), preset, (STAGE,), clips, 0, tmp_path / "whole")
    train_editor(deepcopy(start), preset, (replace(STAGE, steps=2),), clips, 0, tmp_path / "parts")
    parts = train_editor(deepcopy(start), preset, (STAGE,), clips, 0, tmp_path / "parts")
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3)  # the rate's schedule differs for two steps
    for a, b in zip(whole.codec.encoder.parameters(), plain.encoder.parameters(), strict=True):
        assert torch.equal(a, b)  # what the detector sees is never touched


def test_an_initial_editor_without_a_code_is_extended(tmp_path, preset, plain, codec, clips):
    """The output is unchanged, and the code is 0."""
    path = tmp_path / "tiny.safetensors"
    narrow = replace(preset, codec=PLAIN, transformer=replace(preset.transformer, channels=24))
    initial = Editor(narrow, plain)
    export(initial, path, {})
    still = replace(STAGE, steps=1, rate=0.0)
    editor = Editor(preset, codec)
    load_editor(editor, read_tensors(path), preset, path.name)
    train_editor(editor, preset, (still,), clips, 0, tmp_path)
    video = as_tensor(clips[0])
    latents, _ = codec.encode(video[None])
    x = patchify(latents, 2)[0]
    output = _predict(editor, x)
    expected = _predict(initial, x[..., : 24 * 4])
    torch.testing.assert_close(output[..., : 24 * 4], expected, rtol=0, atol=2e-3)
    assert not output[..., 24 * 4 :].any()


def test_a_bundle_is_trained_further_whole(tmp_path, preset, codec):
    path = tmp_path / "tiny.safetensors"
    editor = Editor(preset, codec)
    draw_something(editor.codec)
    export(editor, path, {})
    again = trained_editor(preset, read_tensors(path), "tiny.safetensors")
    for name, value in editor.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-3, msg=name)  # a float16 file
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors"):
        trained_editor(replace(preset, codec=replace(LAYOUT, renderer_width=16)), read_tensors(path), path.name)


def test_extended_weights_ignore_new_channels(preset, plain):
    narrow = replace(preset, codec=PLAIN, transformer=replace(preset.transformer, channels=24))
    state = Editor(narrow, plain).dit.state_dict()
    grown = widen_channels(state, preset)
    assert grown["patch_embedding.weight"].shape[1] == 40
    assert not grown["patch_embedding.weight"][:, 24:].any()
    rows = grown["head.head.weight"].unflatten(0, (4, 40))
    assert not rows[:, 24:].any()
    assert torch.equal(rows[:, :24].flatten(0, 1), state["head.head.weight"])


def _predict(editor: Editor, tokens: torch.Tensor) -> torch.Tensor:
    rope = RotaryTable(editor.dit.config.head_dim, 4, 6)
    memory = RolloutCache(editor.dit.config.layers, rope, 1, 3, 1)
    text = editor.dit.text_kv(editor.text(["a sketch"]))
    return editor.dit(tokens[:1], editor.dit.modulation(60.0), memory.rotary, text, memory)


def test_exported_weights_are_loaded_by_the_product(tmp_path, preset, codec):
    path = tmp_path / "tiny.safetensors"
    export(Editor(preset, codec), path, {"seed": 0})
    assert set(select_network(read_tensors(path), "codec")) == set(codec.state_dict())
    here = replace(preset, weights=WeightsConfig(transformer=str(path), codec=str(path), text=str(path)))
    session: EditSession[int] = EditSession(load_models(here), Parameters(prompt="a sketch"))
    edited = session.push(torch.rand(9, 3, 64, 96), range(9))
    assert edited.pts == list(range(8))


def test_the_recipe_is_checked(tmp_path):
    from training import recipe

    shipped, path = recipe.Path(recipe.__file__).parent / "tiny.yaml", tmp_path / "r.yaml"
    assert preset_of(load_recipe(shipped), shipped).codec.renderer_width == 32
    assert preset_of(replace(load_recipe(shipped), preset="wan-1.3b"), shipped).codec.renderer_width == 0
    path.write_text(shipped.read_text().replace("prune: 0.5", "prune: 1.5"))
    with pytest.raises(ValueError, match=r"stages\[2\]\.prune"):
        load_recipe(path)
