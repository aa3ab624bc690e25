"""Training code on data made here: it starts exact, learns, goes on where it stopped, and exports."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipar_cli.evaluation.quality import psnr
from lipar_cli.evaluation.styles import STYLES
from lipar_core.config import CodecConfig, Preset, WeightsConfig
from lipar_core.errors import CheckpointError
from lipar_core.models import load_models
from lipar_core.parameters import Parameters
from lipar_core.session import EditSession
from lipar_core.taehv import TAEHV
from lipar_core.weights import read_state
from tests.tiny import tiny_preset
from training.batches import draw_batch
from training.codec import as_tensor, train_codec
from training.editor import Editor, rollout_loss, train_editor
from training.export import export
from training.latents import Excerpt, encode_all
from training.muon import Muon
from training.pca_codec import start_as_pca
from training.picture_loss import flicker
from training.precision import mixed_precision
from training.recipe import CodecRecipe, StageRecipe, load_recipe

LAYOUT = CodecConfig(
    latent_channels=24,
    unshuffle=8,
    latent_bound=12.0,
    lag_frames=0,
    memblocks=1,
    encoder_width=64,
    encoder_time=(2, 2),
    encoder_space=(1, 1),
    decoder_widths=(64, 64, 64),
    decoder_time=(2, 2),
    decoder_space=(1, 1),
)
STAGE = StageRecipe(
    name="one", steps=4, batch=2, crop=(8, 8), frames=2, context=1, prune=0.5, rate=1e-3, pixels=0.2
)  # fmt: skip


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Smooth colours that drift."""
    rng = np.random.default_rng(0)
    y, x, t = np.mgrid[0:64, 0:96, 0:12]
    found = []
    for _ in range(6):
        fx, fy, ft, phase = rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.12), rng.uniform(0, 0.3), rng.uniform(0, 6, 3)
        waves = [np.sin(fx * x + fy * y + ft * t + p) for p in phase]
        found.append(((np.stack(waves, axis=-1) * 0.4 + 0.5) * 255).astype(np.uint8).transpose(2, 0, 1, 3).copy())
    return found


@pytest.fixture(scope="module")
def preset() -> Preset:
    base = tiny_preset(block_frames=1, window_frames=3)
    return replace(base, codec=LAYOUT, transformer=replace(base.transformer, channels=24))


@pytest.fixture(scope="module")
def codec(clips) -> TAEHV:
    torch.manual_seed(0)
    codec = TAEHV(LAYOUT).requires_grad_(False)
    start_as_pca(codec, torch.cat([as_tensor(clip) for clip in clips]))
    return codec


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory, clips, codec) -> list[Excerpt]:
    folder = tmp_path_factory.mktemp("latents")
    return encode_all(codec, [(str(i), clip) for i, clip in enumerate(clips)], folder / "latents.pt")


def test_the_start_is_a_good_linear_code(clips):
    torch.manual_seed(0)
    codec, video = TAEHV(LAYOUT), torch.stack([as_tensor(clip) for clip in clips])
    start_as_pca(codec, video.flatten(0, 1))
    with torch.no_grad():
        latents, _ = codec.encode(video)
        raw, _ = codec.decode(latents)
        still, _ = codec.encode(video[:, :1].expand(-1, 12, -1, -1, -1))
    assert psnr(raw, video) > 30
    assert latents.abs().max() < 12
    torch.testing.assert_close(still[:, 1], still[:, 2], rtol=0, atol=1e-4)  # what is still in pixels is in latents


def test_other_layouts_cannot_start_as_pca(clips):
    with pytest.raises(ValueError, match="PCA needs"):
        start_as_pca(TAEHV(CodecConfig()), as_tensor(clips[0]))


def test_an_earlier_codec_is_gone_on_from(tmp_path, clips):
    torch.manual_seed(1)
    earlier = TAEHV(LAYOUT)
    recipe = CodecRecipe(steps=1, batch=1, frames=8, crop=32, rate=0.0, warmup=1, latent_noise=0.0)
    codec = train_codec(LAYOUT, recipe, clips, {}, 0, tmp_path / "codec.pt", earlier.state_dict())
    for a, b in zip(codec.parameters(), earlier.parameters(), strict=True):
        assert torch.equal(a, b)
    del earlier.encoder
    with pytest.raises(CheckpointError, match=r"the earlier codec: missing key encoder"):
        train_codec(LAYOUT, recipe, clips, {}, 0, tmp_path / "other.pt", earlier.state_dict())


def test_stopped_runs_go_on_as_if_they_had_not(tmp_path, clips, preset):
    recipe = CodecRecipe(steps=2, batch=1, frames=8, crop=32, rate=1e-4, warmup=1, latent_noise=0.0)
    codec = train_codec(LAYOUT, recipe, clips, {}, 0, tmp_path / "codec.pt")
    again = train_codec(LAYOUT, recipe, [], {}, 0, tmp_path / "codec.pt")  # nothing left to do
    for a, b in zip(codec.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    excerpts = encode_all(codec, [(str(i), clip) for i, clip in enumerate(clips)], tmp_path / "latents.pt")
    assert excerpts[0].latents.shape == (len(STYLES), 3, 24, 8, 12)
    whole = train_editor(preset, (STAGE,), excerpts, codec, 0, tmp_path / "whole")
    train_editor(preset, (replace(STAGE, steps=2),), excerpts, codec, 0, tmp_path / "parts")
    parts = train_editor(preset, (STAGE,), excerpts, codec, 0, tmp_path / "parts")
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3)  # the rate's schedule differs for two steps


def test_the_loss_falls(preset, codec, excerpts):
    editor = Editor(preset)
    optimizer = torch.optim.AdamW(editor.parameters(), lr=3e-3)
    losses = []
    stage = replace(STAGE, pixels=0.0, prune=0.0)
    batch = draw_batch(excerpts, stage, np.random.default_rng(1))
    for _ in range(40):
        loss = rollout_loss(editor, preset, stage, batch, codec, np.random.default_rng(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_a_scene_or_a_prompt_may_change_on_the_way(excerpts):
    stage = replace(STAGE, frames=1, context=0, past=9)
    seen = set()
    for seed in range(60):
        batch = draw_batch(excerpts, stage, np.random.default_rng(seed))
        frames = batch.past + 1
        assert batch.source.shape == batch.target.shape == (2, frames, 24, 8, 8)
        jumps = (batch.source.diff(dim=1).abs().mean(dim=(0, 2, 3, 4)) > 0.1).nonzero().flatten() + 1
        kind = "change" if batch.later else "cut" if batch.turn else "neither"
        seen.add(kind)
        if kind == "cut":
            assert batch.turn in jumps
        if kind == "change":
            assert 0 < batch.turn < frames
            assert batch.later.prompts != batch.asked.prompts
    assert seen == {"cut", "change", "neither"}


@pytest.mark.parametrize("mixed", [False, True])
def test_all_is_learned_from_the_frames_after_the_past(preset, codec, excerpts, mixed):
    torch.manual_seed(0)
    editor, stage = Editor(preset), replace(STAGE, context=0, past=6)
    drawn = (draw_batch(excerpts, stage, np.random.default_rng(seed)) for seed in range(100))
    batch = next(batch for batch in drawn if batch.past > 2 and batch.later and batch.turn < batch.past)
    learned = 0
    original = editor.dit.forward

    def forward(*args):
        nonlocal learned
        learned += torch.is_grad_enabled()
        return original(*args)

    editor.dit.forward = forward
    with mixed_precision(mixed):
        rollout_loss(editor, preset, replace(stage, pixels=0.0), batch, codec, np.random.default_rng(3)).backward()
    assert learned in (stage.frames, 2 * stage.frames)  # some batches denoise twice
    nowhere = [name for name, one in editor.named_parameters() if one.grad is None or not one.grad.any()]
    assert nowhere == []


def test_flicker_counts_where_the_target_stands_still():
    still, moving = torch.full((1, 3, 3, 8, 8), 0.5), torch.linspace(0, 1, 3).view(1, 3, 1, 1, 1).expand(1, 3, 3, 8, 8)
    restless = still + 0.1 * torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1, 1)
    assert flicker(restless, still) == pytest.approx(0.1, abs=1e-6)
    assert flicker(still, still) == flicker(restless, moving) == 0


@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_muon_is_the_published_one(shape):
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(3, *shape)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    optimizers = (
        Muon([ours], lr=0.1, weight_decay=0.01),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    )
    for gradient in gradients:
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert (ours - theirs).norm() < 0.02 * (theirs - start).norm()  # theirs is in bfloat16


def test_an_earlier_editor_is_gone_on_from(tmp_path, preset, codec, excerpts):
    path = tmp_path / "tiny.safetensors"
    earlier = Editor(preset)
    export(codec, earlier, path, {})
    still = replace(STAGE, steps=1, rate=0.0)
    editor = train_editor(preset, (still,), excerpts, codec, 0, tmp_path, read_state(path))
    for a, b in zip(editor.parameters(), earlier.parameters(), strict=True):
        torch.testing.assert_close(a, b.half().float(), rtol=0, atol=1e-6)


def test_the_product_reads_what_is_exported(tmp_path, preset):
    path = tmp_path / "tiny.safetensors"
    export(TAEHV(LAYOUT), Editor(preset), path, {"seed": 0})
    here = replace(preset, weights=WeightsConfig(transformer=str(path), codec=str(path), text=str(path)))
    session: EditSession[int] = EditSession(load_models(here), Parameters(prompt="a sketch"))
    edited = session.push(torch.rand(9, 3, 64, 96), range(9))
    assert edited.pts == list(range(8))


def test_the_recipe_is_checked(tmp_path):
    from training import recipe

    path = tmp_path / "r.yaml"
    path.write_text((recipe.Path(recipe.__file__).parent / "tiny.yaml").read_text())
    assert load_recipe(path).preset == "tiny"
    path.write_text(path.read_text().replace("prune: 0.5", "prune: 1.5"))
    with pytest.raises(ValueError, match=r"stages\[2\]\.prune"):
        load_recipe(path)
