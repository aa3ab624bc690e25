"""The transformer's last layer by least squares, towards what the renderers know.

That is the source's latents, and 1 in the code channel of the prompt's style. Gradients find the code much later, and
at low sigmas never come as near to the picture.
"""

import numpy as np
import torch
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.flow import sigmas, x0_weights
from lipar_core.patches import patchify
from training.batches import draw_batch
from training.media import Clip
from training.precision import autocast_is_faster, mixed_precision
from training.recipe import StageRecipe
from training.rollout import Editor, known_latents, roll_out

STRENGTHS = (None, None, None, 0.05, 0.1, 0.2, 0.4)  # of the batches, in turn; None: the preset's
PICTURE_POWER, CODE_POWER = 2.0, 1.5  # of the sigma by which a row's weight falls
CODE_SIGMA = 0.02  # added to the sigma of a code's row: at 0 the code is still not known exactly
RIDGE = 1e-6  # of the features' mean square


@torch.no_grad()
def solve_head(editor: Editor, preset: Preset, excerpts: list[Clip], stage: StageRecipe, seed: tuple[int, int]) -> None:
    """Replace weight and bias of the last layer by those found on the stage's batches, one for each step."""
    drawn = [_rows(editor, preset, excerpts, stage, (*seed, number)) for number in range(stage.steps)]
    features, residuals, sigma = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    picture = _solution(features, residuals, sigma**-PICTURE_POWER)
    code = _solution(features, residuals, (sigma + CODE_SIGMA) ** -CODE_POWER)
    channel = torch.arange(residuals.shape[1]) % preset.codec.channels
    solution = torch.where(channel < preset.codec.latent_channels, picture, code)
    head = editor.dit.head.head
    head.weight.copy_(solution[:-1].T)
    head.bias.copy_(solution[-1])


def _rows(
    editor: Editor, preset: Preset, excerpts: list[Clip], stage: StageRecipe, seed: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """One batch's features with a 1 [N, dim + 1], the residuals wanted there [N, P] and their sigma [N, 1], float64."""
    rng = np.random.default_rng(seed)
    batch = draw_batch(excerpts, stage, rng)
    sigma_values = sigmas(preset.schedule, STRENGTHS[seed[-1] % len(STRENGTHS)])[:1]
    inputs: list[Tensor] = []
    features: list[Tensor] = []
    hooks = [
        editor.dit.register_forward_pre_hook(lambda _, args: inputs.append(args[0])),
        editor.dit.head.head.register_forward_pre_hook(lambda _, args: features.append(args[0])),
    ]
    torch.manual_seed(int(rng.integers(2**31)))
    with mixed_precision(autocast_is_faster()):
        latents, _ = editor.codec.encode(batch.source)
        roll_out(editor, preset, batch, latents, rng, sigma_values)
    for hook in hooks:
        hook.remove()
    wanted = patchify(known_latents(latents, batch, preset), preset.stream.patch).transpose(0, 1)  # [F, B, T, P]
    x = torch.stack(inputs).double().view(wanted.shape)
    residual = wanted.double() - x0_weights(sigma_values[0], preset.schedule).x * x
    rows = torch.stack(features).double().flatten(0, -2)
    ordered = residual.unflatten(-1, (preset.codec.channels, -1)).transpose(-1, -2)  # as the head's outputs
    sigma = torch.full((len(rows), 1), sigma_values[0], dtype=torch.float64)
    return torch.cat([rows, torch.ones_like(sigma)], dim=1), ordered.flatten(-2).flatten(0, 2), sigma


def _solution(features: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Weighted ridge regression: [dim + 1, P]."""
    weighted = (weight * features).T
    gram = weighted @ features
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram, weighted @ wanted)
