"""Training on synthetic data: exact initialisation, learning, resuming, export."""

import re

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from lipar_core.checkpoints.checkpoint_file import read_tensors
from lipar_core.checkpoints.key_names import select_network
from lipar_core.config import CodecConfig, Preset, WeightsConfig
from lipar_core.errors import CheckpointError
from lipar_core.models.precision import uniform
from lipar_core.models.prompts import PromptCache
from lipar_core.models.registry import Models, load_models
from lipar_core.models.taehv import TAEHV
from lipar_core.parameters import Parameters
from lipar_core.patches import patchify
from lipar_core.rope import RotaryTable
from lipar_core.session import EditSession
from lipar_eval.classical_styles import STYLES
from lipar_eval.quality import psnr
from tests.tiny import tiny_preset
from training.batches import draw_batch
from training.codec import as_tensor, train_codec
from training.editor import train_editor, widen_channels
from training.excerpts import load_excerpts
from training.export import export
from training.muon import Muon
from training.pca_codec import start_as_pca
from training.picture_loss import flicker
from training.precision import mixed_precision
from training.recipe import CodecRecipe, StageRecipe, load_recipe, preset_of
from training.renderer import StyledCodec, plain_config, train_renderer
from training.rollout import Editor, rollout_loss
from training.rollout_cache import RolloutCache

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
    code_channels=4,
    renderer_width=8,
    renderer_depth=2,
)
PLAIN = plain_config(LAYOUT)
STAGE = StageRecipe(name="one", steps=4, batch=2, crop=(48, 64), frames=2, past=1, prune=0.5, guide=1.0, rate=1e-3)
CODES = torch.randn(len(STYLES), 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Smooth, slowly changing colours."""
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
    return replace(base, codec=LAYOUT, transformer=replace(base.transformer, channels=28))


@pytest.fixture(scope="module")
def plain(clips) -> TAEHV:
    torch.manual_seed(0)
    codec = TAEHV(PLAIN).requires_grad_(False)
    start_as_pca(codec, torch.cat([as_tensor(clip) for clip in clips]))
    return codec


@pytest.fixture(scope="module")
def codec(plain) -> TAEHV:
    torch.manual_seed(0)
    return StyledCodec(LAYOUT, plain).codec


def test_pca_initialisation_is_a_good_linear_code(clips):
    torch.manual_seed(0)
    codec, video = TAEHV(PLAIN), torch.stack([as_tensor(clip) for clip in clips])
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


def test_an_initial_codec_is_used_unchanged(tmp_path, clips):
    torch.manual_seed(1)
    initial = TAEHV(PLAIN)
    recipe = CodecRecipe(steps=1, batch=1, frames=8, crop=32, rate=0.1, warmup=1, latent_noise=0.0)
    codec = train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "codec.pt", initial.state_dict())
    for a, b in zip(codec.parameters(), initial.parameters(), strict=True):
        assert torch.equal(a, b)
    del initial.encoder
    with pytest.raises(CheckpointError, match=r"the initial weights: missing key encoder"):
        train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "other.pt", initial.state_dict())


def test_excerpts_are_read_once(tmp_path, clips):
    sizes = [clips[0], clips[1][:8, :48]]
    for source in ((("a", sizes[0]), ("b", sizes[1])), ()):  # the clips are not read the second time
        for found, clip in zip(load_excerpts(source, tmp_path), sizes, strict=True):
            assert np.array_equal(found, clip)


def test_resumed_runs_equal_uninterrupted_ones(tmp_path, clips, preset):
    recipe = CodecRecipe(steps=2, batch=1, frames=8, crop=32, rate=1e-4, warmup=1, latent_noise=0.0)
    plain = train_codec(PLAIN, recipe, clips, {}, 0, tmp_path / "codec.pt")
    again = train_codec(PLAIN, recipe, [], {}, 0, tmp_path / "codec.pt")  # nothing left to do
    for a, b in zip(plain.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    drawing = replace(STAGE, name="renderer", steps=2, past=0, prune=0.0)
    codec, codes = train_renderer(LAYOUT, drawing, plain, clips, 0, tmp_path)
    again, same = train_renderer(LAYOUT, drawing, plain, [clips[0]], 0, tmp_path)
    assert torch.equal(codes, same)
    for a, b in zip(codec.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    whole = train_editor(preset, (STAGE,), clips, codec, codes, 0, tmp_path / "whole")
    train_editor(preset, (replace(STAGE, steps=2),), clips, codec, codes, 0, tmp_path / "parts")
    parts = train_editor(preset, (STAGE,), clips, codec, codes, 0, tmp_path / "parts")
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3)  # the rate's schedule differs for two steps
    for a, b in zip(whole.codec.encoder.parameters(), plain.encoder.parameters(), strict=True):
        assert torch.equal(a, b)  # what the detector sees is never touched


def test_the_loss_falls(preset, codec, clips):
    editor = Editor(preset, codec)
    optimizer = torch.optim.AdamW(editor.parameters(), lr=3e-3)
    losses = []
    batch = draw_batch(clips, replace(STAGE, crop=(32, 32), frames=1, past=0), np.random.default_rng(1))
    for _ in range(20):
        loss = rollout_loss(editor, preset, batch, np.random.default_rng(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_batches_contain_cuts_and_prompt_changes(clips):
    stage = replace(STAGE, frames=1, past=5)
    seen = set()
    for seed in range(40):
        batch = draw_batch(clips, stage, np.random.default_rng(seed))
        frames = batch.past + 1
        assert batch.source.shape == (2, 4 * frames, 3, 48, 64)
        assert batch.target.shape == (2, 4, 3, 48, 64)
        jumps = (batch.source.diff(dim=1).abs().mean(dim=(0, 2, 3, 4)) > 0.1).nonzero().flatten() + 1
        kind = "change" if batch.later_prompts else "cut" if batch.switch else "neither"
        seen.add(kind)
        if kind == "cut":
            assert 4 * batch.switch in jumps
            assert batch.keep is None or batch.keep[batch.switch].all()
        if kind == "change":
            assert 0 < batch.switch < frames
            assert batch.later_prompts.prompts != batch.prompts.prompts
    assert seen == {"cut", "change", "neither"}


def test_what_is_pruned_stands_still(clips):
    drawn = (draw_batch(clips, replace(STAGE, past=0, prune=1.0), np.random.default_rng(seed)) for seed in range(9))
    for batch in drawn:
        assert batch.keep.shape == (2, 12)
        assert batch.keep[0].all()
        assert batch.keep[1].sum() > 0
        moves = batch.source[:, 3:].diff(dim=1).abs().amax(dim=(0, 1, 2))  # of the second latent frame
        tokens = moves.view(3, 16, 4, 16).amax(dim=(1, 3)).flatten()
        assert (tokens > 0).equal(batch.keep[1])


@pytest.mark.parametrize("mixed", [False, True])
def test_gradients_come_from_the_frames_after_the_past(preset, codec, clips, mixed):
    torch.manual_seed(0)
    editor, stage = Editor(preset, codec), replace(STAGE, past=6)
    torch.nn.init.normal_(editor.codec.renderer.leave.weight)
    drawn = (draw_batch(clips, stage, np.random.default_rng(seed)) for seed in range(100))
    batch = next(batch for batch in drawn if batch.past > 2 and batch.later_prompts and batch.switch < batch.past)
    learned = 0
    original = editor.dit.forward

    def forward(*args):
        nonlocal learned
        learned += torch.is_grad_enabled()
        return original(*args)

    editor.dit.forward = forward
    with mixed_precision(mixed):
        rollout_loss(editor, preset, batch, np.random.default_rng(3)).backward()
    assert learned in (stage.frames, 2 * stage.frames)  # some batches denoise twice
    nowhere = [name for name, one in editor.named_parameters() if one.grad is None or not one.grad.any()]
    passed_by = re.compile(r"codec\.(encoder|decoder\.\d+\.conv)\.")  # PCA leaves the MemBlocks out
    assert nowhere == [name for name in nowhere if passed_by.match(name)]
    assert "codec.renderer.enter.weight" not in nowhere


def test_the_guide_loss_moves_codes_to_their_styles(preset, codec, clips):
    editor, rng = Editor(preset, codec), np.random.default_rng(0)
    batch = draw_batch(clips, replace(STAGE, past=0, prune=0.0), rng)
    bare = rollout_loss(editor, preset, batch, np.random.default_rng(1), CODES, 0.0)
    torch.manual_seed(0)
    zero, one = (
        rollout_loss(editor, preset, batch, np.random.default_rng(1), codes, 9.0) for codes in (CODES, CODES * 9)
    )
    assert bare < zero < one


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


def test_an_initial_editor_without_a_code_is_extended(tmp_path, preset, plain, codec, clips):
    """The output is unchanged, and the code is 0."""
    path = tmp_path / "tiny.safetensors"
    narrow = replace(preset, codec=PLAIN, transformer=replace(preset.transformer, channels=24))
    initial = Editor(narrow, plain)
    export(initial, path, {})
    still = replace(STAGE, steps=1, rate=0.0)
    editor = train_editor(preset, (still,), clips, codec, CODES, 0, tmp_path, read_tensors(path))
    video = as_tensor(clips[0])
    latents, _ = codec.encode(video[None])
    x = patchify(latents, 2)[0]
    found, wanted = (_predict(one, tokens) for one, tokens in ((editor, x), (initial, x[..., : 24 * 4])))
    torch.testing.assert_close(found[..., : 24 * 4], wanted, rtol=0, atol=2e-3)
    assert not found[..., 24 * 4 :].any()


def test_extended_weights_ignore_new_channels(preset, plain):
    narrow = replace(preset, codec=PLAIN, transformer=replace(preset.transformer, channels=24))
    state = Editor(narrow, plain).dit.state_dict()
    grown = widen_channels(state, preset)
    assert grown["patch_embedding.weight"].shape[1] == 28
    assert not grown["patch_embedding.weight"][:, 24:].any()
    rows = grown["head.head.weight"].unflatten(0, (4, 28))
    assert not rows[:, 24:].any()
    assert torch.equal(rows[:, :24].flatten(0, 1), state["head.head.weight"])


def _predict(editor: Editor, tokens: torch.Tensor) -> torch.Tensor:
    rope = RotaryTable(editor.dit.config.head_dim, 4, 6)
    memory = RolloutCache(editor.dit.config.layers, rope, 1, 3, 1)
    text = editor.dit.text_kv(editor.text(["a sketch"]))
    return editor.dit(tokens[:1], editor.dit.modulation(60.0), memory.rotary, text, memory)


def _models(editor: Editor, preset: Preset) -> Models:
    editor.eval()
    return Models(
        preset, editor.codec, editor.dit, PromptCache(editor.text), torch.device("cpu"), uniform(torch.float32)
    )


def test_the_product_reads_what_is_exported(tmp_path, preset, codec):
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
