"""How far the x0 of a stream drifts in one dtype from that in another, block by block: what 16 bits, or fewer, cost."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch import Tensor

from lipar_core.config import Preset
from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import load_models
from lipar_core.models.precision import planned_precision
from lipar_core.parameter_changes import merge
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession

BLOBS = 12  # of the moving picture, in each direction


def latent_drift(preset: Preset, device: str | None, dtype: str | None, against: str, blocks: int) -> list[float]:
    """Relative L2 of each block's x0, every token computed, dtype (None: the preset's) against the other one.

    The other one is without the preset's options that are faster and less exact.

    One model after the other is loaded, so that a GPU needs room for one only. Raises `LiparError`.
    """
    planned_precision(against, on_gpu=False)  # before the first model runs
    exact = replace(preset, fp8_linears=False, fp16_accumulation=False)
    results = [_stream(preset, device, dtype, blocks), _stream(exact, device, against, blocks)]
    return [relative_error(ours, reference) for ours, reference in zip(*results, strict=True)]


def _stream(preset: Preset, device: str | None, dtype: str | None, blocks: int) -> list[Tensor]:
    """x0 of each block, on the CPU."""
    models = load_models(preset, device, dtype)
    seen: list[Tensor] = []
    parameters = merge(default_parameters(preset), {"pruning": {"enabled": False}})
    session: EditSession[int] = EditSession(models, parameters, observer=lambda x0, _: seen.append(x0.cpu()))
    for frames in _moving_picture(preset, blocks):
        session.push(frames, range(len(frames)))
    return seen


def _moving_picture(preset: Preset, blocks: int) -> Iterator[Tensor]:
    """Blocks of smooth blobs that move to the left, the same in every call."""
    stream = preset.stream
    size = stream.height, stream.width
    blobs = torch.rand(1, 3, BLOBS, 2 * BLOBS, generator=torch.Generator().manual_seed(0))
    wide = F.interpolate(blobs, size=(size[0], 2 * size[1]), mode="bicubic").clamp(0, 1)[0]
    for block in range(blocks):
        numbers = range(block * stream.frames_per_block, (block + 1) * stream.frames_per_block)
        yield torch.stack([wide[..., number % size[1] :][..., : size[1]] for number in numbers])
