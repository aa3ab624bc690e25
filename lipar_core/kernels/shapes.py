"""The sizes that the kernels of one model run with."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Shapes:
    """Sizes, dtypes and device of a model's tensors; a kernel's examples are drawn from them."""

    layers: int
    heads: int
    head_dim: int
    block_frames: int  # latent frames
    cached_frames: int  # slots of the KV cache
    rows: int  # of a latent frame's tokens
    cols: int
    patch_dim: int  # values of a token
    frames_per_latent: int
    height: int  # of the picture, pixels
    width: int
    linear: torch.dtype
    attention: torch.dtype
    device: torch.device

    @property
    def dim(self) -> int:
        return self.heads * self.head_dim

    @property
    def tokens(self) -> int:
        """Of a latent frame."""
        return self.rows * self.cols

    @property
    def block_tokens(self) -> int:
        return self.block_frames * self.tokens

    def kept_counts(self) -> list[int]:
        """None, one, some and all of a block's tokens."""
        return sorted({0, 1, self.block_tokens // 3, self.block_tokens})

    def keep_masks(self) -> Iterator[Tensor]:
        """Keep masks [F, T] with `kept_counts`, in random order."""
        for count in self.kept_counts():
            yield (self.uniform(self.block_tokens).argsort() < count).view(self.block_frames, self.tokens)

    def normal(self, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal values, the same in every call."""
        return torch.randn(size, generator=self._generator(), device=self.device).to(dtype)

    def uniform(self, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Values in [0, 1), the same in every call."""
        return torch.rand(size, generator=self._generator(), device=self.device).to(dtype)

    def _generator(self) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(0)
