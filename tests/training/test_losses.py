"""Losses of the editor and where their gradients go."""

import re

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tests.tiny import draw_something
from tests.training.tiny_recipe import STAGE
from training import rollout
from training.batches import draw_batch
from training.picture_loss import flicker, seam_error
from training.precision import mixed_precision
from training.rollout import Editor, rollout_loss


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


@pytest.mark.parametrize("mixed", [False, True])
def test_gradients_come_from_the_frames_after_the_past(preset, codec, clips, mixed):
    torch.manual_seed(0)
    editor, stage = Editor(preset, codec), replace(STAGE, past=6)
    draw_something(editor.codec)
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
    gradients = {name: parameter.grad for name, parameter in editor.named_parameters()}
    nowhere = [name for name, gradient in gradients.items() if gradient is None or not gradient.any()]
    passed_by = re.compile(r"codec\.(encoder|decoder\.\d+\.conv)\.")  # PCA leaves the MemBlocks out
    assert nowhere == [name for name in nowhere if passed_by.match(name)]
    assert "codec.renderer.weights" not in nowhere


def test_the_guide_loss_is_the_distance_to_source_and_code(preset, codec, clips):
    editor, rng = Editor(preset, codec), np.random.default_rng(0)
    batch = draw_batch(clips, replace(STAGE, past=0, prune=0.0), rng)
    losses = []
    for weight in (0.0, 9.0, 99.0):
        torch.manual_seed(0)
        losses.append(rollout_loss(editor, preset, batch, np.random.default_rng(1), weight).item())
    bare, guided, more = losses
    assert more - bare == pytest.approx(11 * (guided - bare), rel=1e-3)
    assert guided > bare


def test_flicker_is_measured_where_the_target_is_static():
    still, moving = torch.full((1, 3, 3, 8, 8), 0.5), torch.linspace(0, 1, 3).view(1, 3, 1, 1, 1).expand(1, 3, 3, 8, 8)
    restless = still + 0.1 * torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1, 1)
    assert flicker(restless, still) == pytest.approx(0.1, abs=1e-6)
    assert flicker(still, still) == flicker(restless, moving) == 0


def test_seams_are_gradients_of_the_error_across_token_borders():
    token = torch.zeros(1, 3, 48, 48)
    token[..., 16:32, 16:32] = 0.3  # both borders of 2, a third of their length
    assert seam_error(token) == pytest.approx(0.1, abs=1e-6)
    assert seam_error(token.roll((8, 8), (-2, -1))) == 0  # the same edges, but inside tokens
    assert seam_error(torch.full((1, 3, 48, 48), 0.3)) == 0


def test_the_round_trip_adds_the_decoders_own_error(preset, codec, clips, monkeypatch):
    """Without a code no renderer draws."""
    editor = Editor(preset, codec)
    batch = draw_batch(clips, replace(STAGE, past=0, prune=0.0), np.random.default_rng(0))

    def round_trip_loss() -> float:
        losses = []
        for probability in (1, 0):
            monkeypatch.setattr(rollout, "ROUND_TRIP_PROBABILITY", probability)
            torch.manual_seed(0)
            losses.append(rollout_loss(editor, preset, batch, np.random.default_rng(1)).item())
        return losses[0] - losses[1]

    bare = round_trip_loss()
    draw_something(editor.codec)
    assert round_trip_loss() == pytest.approx(bare, abs=1e-4)
    editor.codec.decoder[-1].bias.data += 0.2
    assert round_trip_loss() > bare + 0.1
