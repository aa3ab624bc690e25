"""The tokens inside a region: a block computes no others, in any pass."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ActiveTokens:
    """The part of the token grid that a block may compute, the same in all its latent frames."""

    inside: Tensor  # [rows, cols] bool, on the device
    entering: Tensor  # [rows, cols] bool: those of `inside` that the block before could not compute
    on_host: Tensor  # `inside` [T], in the CPU's memory: counts and indices need no wait for the device
    count: int  # of tokens inside

    @property
    def is_everything(self) -> bool:
        return self.count == self.on_host.numel()

    def limit(self, keep: Tensor) -> Tensor:
        """keep [..., rows, cols] without the tokens outside, and with all that have just entered."""
        return keep & self.inside | self.entering


def active_tokens(inside: Tensor, before: Tensor | None, device: torch.device) -> ActiveTokens | None:
    """inside, before [rows, cols] bool on the CPU: of a block and of the one before it (None: it had all tokens).

    Returns None where neither limits the block: it may compute all tokens, and none has just entered.
    """
    entering = torch.zeros_like(inside) if before is None else inside & ~before
    count = int(inside.sum())
    if count == inside.numel() and not entering.any():
        return None
    return ActiveTokens(inside.to(device), entering.to(device), inside.flatten(), count)


def common_tokens(one: ActiveTokens | None, other: ActiveTokens | None) -> ActiveTokens | None:
    """The tokens inside both; None: all."""
    if one is None or other is None:
        return one or other
    on_host = one.on_host & other.on_host
    inside = one.inside & other.inside
    return ActiveTokens(inside, torch.zeros_like(inside), on_host, int(on_host.sum()))
