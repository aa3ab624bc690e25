"""The transformer's last layer, solved by least squares."""

import numpy as np
import torch
from msgspec.structs import replace

from lipar_core.config import Preset
from lipar_core.flow import sigmas
from tests.training.tiny_recipe import STAGE
from training.batches import draw_batch
from training.head import solve_head
from training.rollout import Editor, known_latents, roll_out

HEAD = replace(STAGE, steps=14, batch=6, past=0, prune=0.0)


@torch.no_grad()
def errors(editor: Editor, preset: Preset, clips: list[np.ndarray], strength: float | None) -> tuple[float, float]:
    """Mean squares of the picture's and the code's error on clips' crops that were not used to solve."""
    batch = draw_batch(clips, replace(HEAD, batch=16), np.random.default_rng(99))
    latents, _ = editor.codec.encode(batch.source)
    values = sigmas(preset.schedule, strength)[:1]
    error = roll_out(editor, preset, batch, latents, np.random.default_rng(1), values)
    error -= known_latents(latents, batch, preset)
    picture = preset.codec.latent_channels
    return error[:, :, :picture].square().mean().item(), error[:, :, picture:].square().mean().item()


def test_a_solved_head_keeps_the_picture_and_knows_the_style(preset, codec, clips):
    torch.manual_seed(0)
    low = replace(preset, schedule=replace(preset.schedule, steps=(20,), shift=1.0, prediction="residual"))
    editor = Editor(low, codec)
    solve_head(editor, low, clips, HEAD, (1, 2))
    picture, code = errors(editor, low, clips, None)
    assert picture < 0.002  # 0.58 from untrained weights
    assert code < 0.1  # 0.62
    picture, code = errors(editor, low, clips, 0.3)  # as every other strength that was seen
    assert picture < 0.4  # 0.84
    assert code < 0.3  # 0.67
