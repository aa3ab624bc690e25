"""Noise that depends only on (seed, block, step), so that pruned and unpruned runs get the same noise."""

import hashlib

import torch
from torch import Tensor


def block_noise(like: Tensor, seed: int, block: int, steps: int) -> Tensor:
    """Standard normal noise [steps, F * T, P] for a full block [F * T, P], independent of the keep mask.

    Drawn in float32 on the device of `like`: reproducible on one type of device, not across types.
    """
    noise = torch.empty(steps, *like.shape, device=like.device)
    for step, values in enumerate(noise):
        values.normal_(generator=_generator(like.device, seed, block, step))
    return noise


def fixed_noise(like: Tensor, seed: int, frames: int, steps: int) -> Tensor:
    """The same for every block and every latent frame, shaped as in `block_noise`, from (seed, step) alone.

    A token that is computed again while its source rests then comes out as before.
    """
    one = block_noise(like[: len(like) // frames], seed, 0, steps)
    return one.repeat(1, frames, 1)


def _generator(device: torch.device, seed: int, block: int, step: int) -> torch.Generator:
    # hashed, because PyTorch's CPU generator uses only the low 32 bits of a seed
    digest = hashlib.blake2b(f"{seed}/{block}/{step}".encode(), digest_size=4).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big"))
