"""Random weights instead of a checkpoint's: speed and memory can be measured before anything is downloaded."""

import zlib

import torch
from torch import Tensor, nn


def fill_random(module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Give a module built under `MetaDevice` weights on this device, in evaluation mode; the same in every call.

    Values keep their magnitude from layer to layer, so that the cost of arithmetic and its rounding are real ones.
    """
    state = {name: _values(name, value, device, dtype) for name, value in module.state_dict().items()}
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False).eval()


def _values(name: str, like: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A norm's weight is 1, a bias small, and a matrix scaled by its number of inputs."""
    if like.dim() == 1 and name.endswith("weight"):
        return torch.ones(like.shape, device=device, dtype=dtype)
    scale = 0.9 / like[0].numel() ** 0.5 if like.dim() > 1 else 0.02
    generator = torch.Generator(device).manual_seed(zlib.crc32(name.encode()))
    return torch.randn(like.shape, generator=generator, device=device, dtype=dtype).mul_(scale)
