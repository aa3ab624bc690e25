"""Sizes that are small and odd."""

import torch

from lipar_core.kernels.shapes import Shapes


def small_shapes(dtype: torch.dtype = torch.float32, **sizes: int) -> Shapes:
    """Odd sizes, which no block of a kernel divides."""
    default = {
        "layers": 2,
        "heads": 3,
        "head_dim": 10,
        "block_frames": 2,
        "cached_frames": 5,
        "rows": 3,
        "cols": 3,
        "patch_dim": 12,
        "frames_per_latent": 4,
        "height": 30,
        "width": 30,
    }
    return Shapes(**{**default, **sizes}, linear=dtype, attention=dtype, device=torch.device("cpu"))
