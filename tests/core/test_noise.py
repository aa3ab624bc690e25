"""Noise by (seed, block, step), and one draw for all latent frames."""

import dataclasses

import torch
from msgspec.structs import replace

from lipar_core.noise import draw_fixed_noise, draw_noise
from lipar_core.parameters import Parameters, Pruning
from lipar_core.session import EditSession
from tests.tiny import tiny_models

LIKE = torch.zeros(3 * 24, 32)
MODELS = tiny_models()
PRESET = MODELS.preset
FIXED = dataclasses.replace(MODELS, preset=replace(PRESET, schedule=replace(PRESET.schedule, noise="fixed")))
STILL = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)).expand(48, -1, -1, -1)


def block_noise(seed: int, block: int, step: int) -> torch.Tensor:
    return draw_noise(torch.empty_like(LIKE), seed, block, step)


def fixed_noise(seed: int, step: int) -> torch.Tensor:
    return draw_fixed_noise(torch.empty_like(LIKE), seed, 3, step)


def test_noise_per_block_depends_on_seed_block_and_step():
    first = block_noise(1, 0, 0)
    assert torch.equal(first, block_noise(1, 0, 0))
    assert first.std().sub(1).abs() < 0.05
    for other in (block_noise(2, 0, 0), block_noise(1, 1, 0), block_noise(1, 0, 1)):
        assert not torch.equal(other, first)


def test_fixed_noise_is_the_same_in_every_latent_frame_and_depends_on_seed_and_step():
    noise = fixed_noise(1, 0)
    assert noise.std().sub(1).abs() < 0.05
    first, second, third = noise.chunk(3)
    assert torch.equal(first, second)
    assert torch.equal(first, third)
    assert not torch.equal(noise, fixed_noise(1, 1))
    assert not torch.equal(noise, fixed_noise(2, 0))


def edited(models, seed: int = 0, enabled: bool = True) -> torch.Tensor:
    pruning = Pruning(detector="anchor", enabled=enabled, refresh_last_frame=False)
    session: EditSession[int] = EditSession(models, Parameters(prompt="x", seed=seed, pruning=pruning))
    return torch.cat([session.push(STILL, range(len(STILL))).frames, session.flush().frames])


def test_with_fixed_noise_reused_tokens_are_nearer_to_computed_ones():
    errors = [(edited(models) - edited(models, enabled=False)).square().mean() for models in (MODELS, FIXED)]
    assert errors[1] < 0.5 * errors[0]
    assert torch.equal(edited(FIXED), edited(FIXED))
    assert not torch.equal(edited(FIXED), edited(FIXED, seed=1))
