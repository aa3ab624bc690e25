"""The optional last part of a codec's decoder: draws pixel detail in one style.

The transformer works on tokens of 16x16 pixels, too coarse for lines. The renderer adds them: a few residual
convolutions at half the picture's resolution, whose channels are scaled and shifted per position by the latents.
Its only inputs are the latents and the picture decoded from them; it sees neither prompt nor source. A bias for each
position in a token tells it where the borders of tokens are, which it smooths.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.interfaces import LatentArea

UNSHUFFLE = 2  # side of a renderer cell in pixels
HIDDEN_CHANNELS = 64  # hidden channels between the latents and the scales and shifts
TOKEN_LATENTS = 2  # side of a transformer's token
STEERING_REACH = 2  # latents: its two 3x3 convolutions
# Of what latents scale and shift by, and of what they make of a channel. 99 % of pictures stay below; without bounds
# some multiply over the layers until a token is white.
MAX_MODULATION, MAX_ACTIVATION = 3.0, 4.0


class Renderer(nn.Module):
    """Detail to be added to decoded frames, conditioned on their latents."""

    def __init__(self, config: TAEHVConfig) -> None:
        super().__init__()
        self.config = config
        width, pixels = config.renderer_width, 3 * UNSHUFFLE**2
        self.enter = nn.Conv2d(pixels, width, 3, padding=1)
        cells = TOKEN_LATENTS * config.stride // UNSHUFFLE
        self.token_bias = nn.Parameter(torch.zeros(width, cells, cells))
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(config.renderer_depth))
        self.leave = nn.Conv2d(width, pixels, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)  # untrained, it adds nothing
        modulations = 2 * width * (1 + config.renderer_depth)
        self.steering = _Steering(config.latent_channels, modulations)

    def forward(self, frames: Tensor, latents: Tensor, area: LatentArea | None = None) -> Tensor:
        """frames [B, 4F, 3, H, W] decoded of latents [B, F, C, h, w] -> detail of the same shape, or this area of it.

        Everything at the picture's size is channels-last: elementwise operations on mixed layouts take several times as
        long on a CPU.
        """
        if area is not None:
            return self._area_detail(frames, latents, area)
        count = latents.shape[:2].numel()
        modulations = self._modulations(latents.flatten(0, 1))
        x = F.pixel_unshuffle(frames.flatten(0, 1), UNSHUFFLE).contiguous(memory_format=torch.channels_last)
        x = _modulated(self._with_token_bias(self.enter(x)), *modulations[0], count)
        for layer, modulation in zip(self.layers, modulations[1:], strict=True):
            x = x + _modulated(layer(x), *modulation, count)
        return F.pixel_shuffle(self.leave(x), UNSHUFFLE).view_as(frames)

    def pixels(self, area: LatentArea) -> tuple[slice, slice]:
        """Rows and columns of an area."""
        stride = self.config.stride
        return slice(area.top * stride, area.bottom * stride), slice(area.left * stride, area.right * stride)

    def _area_detail(self, frames: Tensor, latents: Tensor, area: LatentArea) -> Tensor:
        rows, cols = latents.shape[-2:]
        reach = self._reach
        wide = LatentArea(  # whole tokens, for the bias
            max(area.top - reach, 0) // TOKEN_LATENTS * TOKEN_LATENTS,
            -(-min(area.bottom + reach, rows) // TOKEN_LATENTS) * TOKEN_LATENTS,
            max(area.left - reach, 0) // TOKEN_LATENTS * TOKEN_LATENTS,
            -(-min(area.right + reach, cols) // TOKEN_LATENTS) * TOKEN_LATENTS,
        )
        part = self(frames[..., *self.pixels(wide)], latents[..., wide.top : wide.bottom, wide.left : wide.right])
        inside = area.top - wide.top, area.bottom - wide.top, area.left - wide.left, area.right - wide.left
        detail: Tensor = part[..., *self.pixels(LatentArea(*inside))]
        return detail

    @property
    def _reach(self) -> int:
        """Latents around an area on which its pixels depend.

        Each convolution reaches one cell further, and the interpolation half a latent.
        """
        cells_per_latent = self.config.stride // UNSHUFFLE
        return STEERING_REACH + math.ceil((len(self.layers) + 2) / cells_per_latent + 0.5)

    def _with_token_bias(self, x: Tensor) -> Tensor:
        """x [N, C, H, W] of whole tokens, channels-last; changed in place."""
        cells = self.token_bias.shape[-1]
        bias = self.token_bias.to(x.dtype).permute(1, 2, 0).contiguous()  # [cells, cells, C]
        by_token = x.permute(0, 2, 3, 1).unflatten(2, (-1, cells)).unflatten(1, (-1, cells))
        by_token.add_(bias[:, None])
        return x

    def _modulations(self, latents: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Per layer, factor and shift of every cell [F, C, H / 2, W / 2]."""
        parts = self.steering(latents).chunk(2 * (1 + len(self.layers)), dim=1)
        return [
            (self._upsampled(1 + scale), self._upsampled(shift))
            for scale, shift in zip(parts[::2], parts[1::2], strict=True)
        ]

    def _upsampled(self, coarse: Tensor) -> Tensor:
        coarse = coarse.contiguous(memory_format=torch.channels_last)
        factor = self.config.stride // UNSHUFFLE
        return F.interpolate(coarse, scale_factor=factor, mode="bilinear", align_corners=False)


class _Steering(nn.Module):
    """latents [N, C, h, w] -> the renderer's modulations [N, M, h, w], each from a neighbourhood of 5x5 latents."""

    def __init__(self, channels: int, modulations: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, HIDDEN_CHANNELS, 3, padding=1)
        self.layer = nn.Conv2d(HIDDEN_CHANNELS, HIDDEN_CHANNELS, 3, padding=1)
        self.leave = nn.Conv2d(HIDDEN_CHANNELS, modulations, 1)

    def forward(self, latents: Tensor) -> Tensor:
        x = F.gelu(self.enter(latents))
        modulations: Tensor = self.leave(x + F.gelu(self.layer(x)))
        return modulations.clamp(-MAX_MODULATION, MAX_MODULATION)


def _modulated(x: Tensor, factor: Tensor, shift: Tensor, count: int) -> Tensor:
    """x [N, C, H, W] of `count` latent frames, each of which modulates its own frames."""
    x = x.view(count, -1, *x.shape[1:])
    return torch.addcmul(shift.unsqueeze(1), x, factor.unsqueeze(1)).clamp_(0, MAX_ACTIVATION).flatten(0, 1)
