"""Another family of models: a one-layer attention denoiser on a lossless codec of 2 frames and 4x4 pixels."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.checkpoints.weights import MetaDevice, load_network
from lipar_core.config import Preset
from lipar_core.kernels.attention import attention
from lipar_core.kinds.registry import ModelKind
from lipar_core.kinds.text import SmallTextConfig
from lipar_core.models.interfaces import CacheView, LatentArea
from lipar_core.models.precision import Precision
from lipar_core.parsing import ConfigStruct
from lipar_core.rope import RotaryTable, rotate
from lipar_core.weight_files import locate
from tests.tiny import RandomText

SIDE, FRAMES = 4, 2  # pixels and frames of a latent


class ToyConfig(ConfigStruct, frozen=True, kw_only=True):
    kind: ClassVar[str] = "toy"

    channels: int
    width: int = 24
    heads: int = 2
    layers: int = 1
    patch: int = 2
    text_length: int = 3
    text_dim: int = 5

    @property
    def head_dim(self) -> int:
        return self.width // self.heads


class ToyDenoiser(nn.Module):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        values = config.channels * config.patch**2
        self.enter = nn.Linear(values, config.width)
        self.text = nn.Linear(config.text_dim, config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.leave = nn.Linear(config.width, values)

    def rotary_table(self, rows: int, cols: int, device: torch.device) -> RotaryTable:
        return RotaryTable(self.config.head_dim, rows, cols, device)

    def modulation(self, timestep: float) -> float:
        return timestep / 1000

    def text_kv(self, context: Tensor) -> Tensor:
        return self.text(context).mean(dim=0)

    def forward(
        self,
        tokens: Tensor,
        modulation: float,
        rotary: Tensor,
        text: Tensor,
        cache: CacheView,
        out: Tensor | None = None,
    ) -> Tensor:
        x = self.enter(tokens) + modulation + text
        q, k, v = self._heads(x)
        x = x + attention(rotate(q, rotary), *cache.update(0, k, v)).flatten(-2)
        return self.leave(x) if out is None else out.copy_(self.leave(x))

    def fill_cache(self, tokens: Tensor, modulation: float, rotary: Tensor, text: Tensor, cache: CacheView) -> None:
        _, k, v = self._heads(self.enter(tokens) + modulation + text)
        cache.update(0, k, v)

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(part.unflatten(-1, (self.config.heads, -1)) for part in self.qkv(x).chunk(3, dim=-1))


class BlocksConfig(ConfigStruct, frozen=True, kw_only=True):
    kind: ClassVar[str] = "blocks"

    channels: int = 3 * SIDE**2 * FRAMES
    stride: int = SIDE
    frames_per_latent: int = FRAMES
    lag_frames: int = 0


class BlocksCodec(nn.Module):
    """Latents are the pixels themselves; given whole latent frames, it has no state."""

    def __init__(self, config: BlocksConfig) -> None:
        super().__init__()

    def encode(self, frames: Tensor, state: None = None) -> tuple[Tensor, None]:
        pairs = F.pixel_unshuffle(frames, SIDE).unflatten(1, (-1, FRAMES))
        return pairs.flatten(2, 3), None

    def decode(self, latents: Tensor, state: None = None, area: LatentArea | None = None) -> tuple[Tensor, None]:
        return F.pixel_shuffle(latents.unflatten(2, (FRAMES, -1)).flatten(1, 2), SIDE), None

    def picture(self, latents: Tensor) -> Tensor:
        return latents


def load_toy(config: ToyConfig, preset: Preset, device: torch.device, precision: Precision) -> ToyDenoiser:
    with MetaDevice():
        network = ToyDenoiser(config)
    load_network(network, locate(preset.weights.transformer), "transformer", device, precision.linear)
    return network


def load_blocks(config: BlocksConfig, preset: Preset, device: torch.device, precision: Precision) -> BlocksCodec:
    return BlocksCodec(config)


class RandomConfig(SmallTextConfig, frozen=True, kw_only=True):
    kind: ClassVar[str] = "random"


def load_random(config: RandomConfig, preset: Preset, device: torch.device) -> RandomText:
    return RandomText(preset.transformer.text_length, preset.transformer.text_dim)


TOY = ModelKind(ToyConfig, f"{__name__}:load_toy", f"{__name__}:ToyDenoiser")
BLOCKS = ModelKind(BlocksConfig, f"{__name__}:load_blocks", f"{__name__}:BlocksCodec")
RANDOM = ModelKind(RandomConfig, f"{__name__}:load_random")
