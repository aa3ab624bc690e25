"""The sizes that a preset's kernels run with."""

import torch

from lipar_core.config import Preset
from lipar_core.kernels.shapes import Shapes
from lipar_core.models.precision import Precision

MAX_LAYERS = 2  # of the cache in a self-test: more of them only take memory


def kernel_shapes(preset: Preset, precision: Precision, device: torch.device) -> Shapes:
    """At the preset's size of the picture."""
    stream, transformer = preset.stream, preset.transformer
    return Shapes(
        layers=min(transformer.layers, MAX_LAYERS),
        heads=transformer.heads,
        head_dim=transformer.head_dim,
        block_frames=stream.block_frames,
        cached_frames=stream.sink_frames + stream.window_frames,
        rows=stream.rows,
        cols=stream.cols,
        patch_dim=transformer.channels * transformer.patch**2,
        frames_per_latent=stream.frames_per_latent,
        height=stream.height,
        width=stream.width,
        linear=precision.linear,
        attention=precision.attention,
        device=device,
    )
