"""Alignment of the text encoder: all prompts of a style get the same embedding.

Trained on pictures alone, it embeds the prompts of one style differently, and the transformer draws some of them in
wrong tones: up to 6 dB between "moonlight" and "under a full moon".
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from lipar_core.models.hashed_text import HashedTextEncoder
from lipar_eval.classical_styles import STYLES
from training.prompt_samples import PromptBatch, draw_prompt_sample
from training.prompts import NAMES, NO_EDIT

BATCH, RATE = 32, 0.001  # prompts; initial learning rate
LOG_EVERY = 200  # steps


def align_prompts(text: HashedTextEncoder, steps: int, seed: tuple[int, int]) -> None:
    """Move every prompt's embedding to the mean of its style's names.

    A prompt that names two styles moves to their mean, as interpolated prompts do; unknown words move to "no edit".
    """
    targets = style_embeddings(text)
    optimizer = torch.optim.Adam(text.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses: list[float] = []
    for step in range(steps):
        rng = np.random.default_rng((*seed, step))
        batch = PromptBatch([draw_prompt_sample(rng, blends=False) for _ in range(BATCH)])
        loss = mse_loss(text(batch.prompts), batch.mixed(targets)) / targets.var()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % LOG_EVERY == 0:
            print(f"prompts step {step + 1}: relative error {sum(losses) / len(losses):.4f}", flush=True)
            losses.clear()


@torch.no_grad()
def style_embeddings(text: HashedTextEncoder) -> Tensor:
    """Mean embedding of each style's names: [styles, text_length, text_dim]."""
    return torch.stack([text(list(NAMES.get(style, NO_EDIT))).mean(dim=0) for style in STYLES])
