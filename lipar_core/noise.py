"""Noise that depends only on (seed, block, step), so that pruned and unpruned runs get the same noise."""

import hashlib

import torch
from torch import Tensor


def draw_noise(out: Tensor, seed: int, block: int, step: int) -> Tensor:
    """Fill `out` [F * T, P] with standard normal noise for a full block, independent of the keep mask.

    Drawn on the device of `out`: reproducible on one type of device, not across types.
    """
    return out.normal_(generator=_generator(out.device, seed, block, step))


def draw_fixed_noise(out: Tensor, seed: int, frames: int, step: int) -> Tensor:
    """As `draw_noise`, but the same for every block and every latent frame: from (seed, step) alone.

    A token that is computed again while its source rests then comes out as before.
    """
    first, *others = out.chunk(frames)
    draw_noise(first, seed, 0, step)
    for frame in others:
        frame.copy_(first)
    return out


def _generator(device: torch.device, seed: int, block: int, step: int) -> torch.Generator:
    # hashed, because PyTorch's CPU generator uses only the low 32 bits of a seed
    digest = hashlib.blake2b(f"{seed}/{block}/{step}".encode(), digest_size=4).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big"))
