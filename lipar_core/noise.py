"""Noise that depends on nothing but (seed, block, step), so that pruning on and off see the same."""

import hashlib

import torch
from torch import Tensor


def block_noise(like: Tensor, seed: int, block: int, step: int) -> Tensor:
    """Standard normal noise for a full block [F * T, P], whatever the keep mask.

    Drawn in float32 on the device of `like`: the same on any run there, not across kinds of device.
    """
    # hashed, because PyTorch's CPU generator looks at the low 32 bits of a seed only
    digest = hashlib.blake2b(f"{seed}/{block}/{step}".encode(), digest_size=4).digest()
    generator = torch.Generator(like.device).manual_seed(int.from_bytes(digest, "big"))
    return torch.randn(like.shape, generator=generator, device=like.device).to(like.dtype)
