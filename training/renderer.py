"""First stage: only the renderer is trained, to draw each style on the decoded source; one learned code per style."""

from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.taehv import TAEHV
from lipar_eval.classical_styles import STYLES
from training.batches import Batch, draw_batch
from training.media import Clip
from training.picture_loss import visual_loss
from training.recipe import StageRecipe
from training.steps import TrainingState, run_steps

CODE_SPREAD = 0.7  # initial standard deviation of the codes, about that of the latents


class StyledCodec(nn.Module):
    """A codec with a trainable renderer, and the styles' codes [styles, C]."""

    def __init__(self, config: TAEHVConfig, plain: TAEHV) -> None:
        super().__init__()
        self.codec = TAEHV(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part, trained in ((self.codec.encoder, plain.encoder), (self.codec.decoder, plain.decoder)):
            part.load_state_dict(trained.state_dict())
            part.requires_grad_(False)
        self.codes = nn.Parameter(CODE_SPREAD * torch.randn(len(STYLES), config.code_channels))


def plain_config(config: TAEHVConfig) -> TAEHVConfig:
    """The config of the codec without its renderer, which is trained first."""
    return replace(config, code_channels=0, renderer_width=0)


def train_renderer(
    config: TAEHVConfig, recipe: StageRecipe, plain: TAEHV, excerpts: list[Clip], seed: int, folder: Path
) -> tuple[TAEHV, Tensor]:
    """The codec with its renderer, and the styles' codes; resumes from a checkpoint in the folder."""
    torch.manual_seed(seed)
    styled = StyledCodec(config, plain)
    learned = [parameter for parameter in styled.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.0)
    run_steps(
        TrainingState(styled, [optimizer], folder / f"{recipe.name}.pt"),
        recipe,
        (seed, 0),
        lambda rng: draw_batch(excerpts, recipe, rng),
        lambda batch, rng, step: _loss(styled, plain, batch),
    )
    return styled.codec, styled.codes.detach()


def _loss(styled: StyledCodec, plain: TAEHV, batch: Batch) -> Tensor:
    with torch.no_grad():
        latents, _ = plain.encode(batch.source)
        frames, _ = plain.decode(latents)
    codes = batch.prompts.mixed(styled.codes)[:, None, :, None, None]
    shape = (*latents.shape[:2], codes.shape[2], *latents.shape[-2:])
    renderer = styled.codec.renderer
    assert renderer is not None
    return visual_loss(renderer(frames, torch.cat([latents, codes.expand(shape).to(latents)], dim=2)), batch.target)
