"""Reused tokens take over the change of their source since they were computed."""

import pytest
import torch
from msgspec.structs import replace

from lipar_core.parameters import Parameters, Pruning
from lipar_core.patches import patchify
from lipar_core.session import EditSession
from tests.tiny import moving_square, tiny_models

MODELS = tiny_models()
STREAM = MODELS.preset.stream
CLIP = moving_square(60) * torch.linspace(0.6, 1, 60).view(-1, 1, 1, 1)
SETTINGS = Parameters(prompt="a pencil sketch", pruning=Pruning(detector="anchor"))


def random_mask(block):
    generator = torch.Generator().manual_seed(block)
    return torch.rand(STREAM.block_frames, STREAM.rows, STREAM.cols, generator=generator) < 0.4


def edit(**pruning):
    """x0 [F, T, P] of all latent frames, and which of their tokens were computed [F, T]."""
    x0, computed = [], []

    def observe(block, plan):
        x0.append(block.unflatten(0, (STREAM.block_frames, -1)))
        computed.append(plan.last_step.keep)

    settings = replace(SETTINGS, pruning=replace(SETTINGS.pruning, **pruning))
    EditSession(MODELS, settings, force_keep=random_mask, observer=observe).push(CLIP, range(len(CLIP)))
    return torch.cat(x0), torch.cat(computed)


@pytest.mark.parametrize("refresh_last_frame", [False, True])
@pytest.mark.parametrize("part", [0.5, 1.0])
def test_reused_tokens_change_as_their_source_has_since_they_were_computed(part, refresh_last_frame):
    held, _ = edit(refresh_last_frame=refresh_last_frame)
    followed, computed = edit(refresh_last_frame=refresh_last_frame, follow_source=part)
    latents, _ = MODELS.codec.encode(CLIP[None])
    source = patchify(latents, STREAM.patch)[0]
    anchor, differences = source[0], 0
    for frame, now in enumerate(source[: len(held)]):
        anchor = torch.where(computed[frame][:, None], now, anchor)
        torch.testing.assert_close(followed[frame], held[frame] + part * (now - anchor), rtol=0, atol=1e-4)
        differences += int((followed[frame] != held[frame]).any(dim=1).sum())
    assert differences > 100


def test_only_the_detector_of_anchors_lets_tokens_follow():
    held, _ = edit(detector="lipar")
    followed, _ = edit(detector="lipar", follow_source=1.0)
    assert torch.equal(held, followed)
