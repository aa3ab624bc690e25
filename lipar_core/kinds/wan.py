"""Configuration of the causal Wan transformer (`lipar_core/models/wan.py`)."""

from typing import ClassVar

from lipar_core.errors import ConfigError
from lipar_core.kinds.interfaces import Positive, PositiveFloat
from lipar_core.parsing import ConfigStruct


class WanConfig(ConfigStruct, frozen=True, kw_only=True):
    """The causal Wan transformer. The defaults are Wan 2.1 T2V 1.3B."""

    kind: ClassVar[str] = "wan"

    dim: Positive = 1536
    ffn_dim: Positive = 8960
    heads: Positive = 12
    layers: Positive = 30
    channels: Positive = 16  # of the latents, in and out
    patch: Positive = 2  # latent rows and columns of a token
    text_dim: Positive = 4096
    text_length: Positive = 512
    time_dim: Positive = 256  # sinusoidal features of the timestep
    eps: PositiveFloat = 1e-6
    qk_norm: bool = True
    cross_attn_norm: bool = True

    def __post_init__(self) -> None:
        if self.dim % self.heads or (self.dim // self.heads) % 2:
            raise ConfigError(f"transformer.dim = {self.dim}: must be {self.heads} heads of an even size")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def patch_dim(self) -> int:
        return self.channels * self.patch**2
