"""Noise that depends only on (seed, block, step), so that pruned and unpruned runs get the same noise."""

import hashlib

import torch
from torch import Tensor


def block_noise(like: Tensor, seed: int, block: int, step: int) -> Tensor:
    """Standard normal noise for a full block [F * T, P], independent of the keep mask.

    Drawn in float32 on the device of `like`: reproducible on one type of device, not across types.
    """
    # hashed, because PyTorch's CPU generator uses only the low 32 bits of a seed
    digest = hashlib.blake2b(f"{seed}/{block}/{step}".encode(), digest_size=4).digest()
    generator = torch.Generator(like.device).manual_seed(int.from_bytes(digest, "big"))
    return torch.randn(like.shape, generator=generator, device=like.device).to(like.dtype)
