"""First stage: only the renderers are trained, each to draw one style on the decoded source.

The source's latents have the noise that a transformer leaves which removes none.
"""

from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.errors import ConfigError
from lipar_core.flow import add_noise, sigmas, x0_weights
from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_eval.classical_styles import STYLES
from training.batches import Batch, draw_batch
from training.media import Clip
from training.picture_loss import visual_loss
from training.recipe import StageRecipe
from training.rollout import known_latents
from training.steps import TrainingState, run_steps

STRONG_PROBABILITY, STRENGTHS = 0.3, (0.0, 0.2)  # of batches: a sigma other than the preset's; its range


def plain_config(config: TAEHVConfig) -> TAEHVConfig:
    """The config of the codec without its renderers, which is trained first."""
    return replace(config, code_channels=0, renderer_width=0)


def codec_like(config: TAEHVConfig, trained: TAEHV) -> TAEHV:
    """A codec with the weights of another; renderers that only one of them has are untrained or left out."""
    codec: TAEHV = TAEHV(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    codec.load_state_dict(trained.state_dict(), strict=False)
    return codec


def train_renderer(
    preset: Preset, recipe: StageRecipe, trained: TAEHV, excerpts: list[Clip], seed: int, folder: Path
) -> TAEHV:
    """The codec with a renderer for each style, whose code is 1 in the channel of its number and 0 in the others.

    Resumes from a checkpoint in the folder. The encoder and the rest of the decoder are not trained. Raises
    `ConfigError`.
    """
    config: TAEHVConfig = preset.codec  # type: ignore[assignment]
    if config.code_channels != len(STYLES):
        raise ConfigError(f"codec.code_channels = {config.code_channels}: must be {len(STYLES)}, one for each style")
    torch.manual_seed(seed)
    codec = codec_like(config, trained).requires_grad_(False)
    renderers = codec.renderer
    assert renderers is not None
    learned = renderers.requires_grad_(True).parameters()
    optimizer = torch.optim.AdamW(learned, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.0)
    run_steps(
        TrainingState(renderers, [optimizer], folder / f"{recipe.name}.pt"),
        recipe,
        (seed, 0),
        lambda rng: draw_batch(excerpts, recipe, rng),
        lambda batch, rng, step: _loss(codec, preset, batch, rng),
    )
    return codec


def _loss(codec: TAEHV, preset: Preset, batch: Batch, rng: np.random.Generator) -> Tensor:
    strong = rng.random() < STRONG_PROBABILITY
    sigma = float(rng.uniform(*STRENGTHS)) if strong else sigmas(preset.schedule)[0]
    with torch.no_grad():
        latents, _ = codec.encode(batch.source)
        latents = x0_weights(sigma, preset.schedule).x * add_noise(latents, torch.randn_like(latents), sigma)
    drawn, _ = codec.decode(known_latents(latents, batch, preset))
    return visual_loss(drawn, batch.target)
