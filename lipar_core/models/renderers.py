"""Several renderers of one layout, between which the code of a latent frame chooses: each draws one style.

One small network draws one style well and sixteen styles badly. The code has one channel for each renderer, 1 where it
shall draw. A code between two styles gives the mean of what both draw; without a code nothing is drawn.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lipar_core.kinds.taehv import TAEHVConfig
from lipar_core.models.interfaces import LatentArea
from lipar_core.models.renderer import Renderer

IGNORED = 0.15  # of a code channel: the transformer's error
FADE = 0.2  # of a code, beyond what is ignored: a smaller one fades out
DRAWING = 2  # renderers of a latent frame at most


class Renderers(nn.Module):
    """`weights` [renderers, parameters of one]."""

    def __init__(self, config: TAEHVConfig) -> None:
        super().__init__()
        self.count = config.code_channels
        networks = [Renderer(config) for _ in range(self.count)]
        self._layout = (networks[0],)  # in a tuple: its parameters are not this module's
        size = sum(parameter.numel() for parameter in networks[0].parameters())
        self.weights = nn.Parameter(torch.empty(self.count, size))
        with torch.no_grad():
            for weights, network in zip(self.weights, networks, strict=True):
                for name, parameter in self.named(weights).items():
                    parameter.copy_(network.get_parameter(name))
        networks[0].to("meta")

    def forward(self, frames: Tensor, latents: Tensor, area: LatentArea | None = None) -> Tensor:
        """frames [B, 4F, 3, H, W] decoded of latents [B, F, C, h, w] -> the same with detail, or this area of it."""
        shares = self.shares(latents)
        largest, chosen = shares.topk(min(DRAWING, self.count))
        parts = frames.reshape(len(shares), 1, -1, *frames.shape[2:])
        picture = latents[:, :, : -self.count].flatten(0, 1)[:, None, None]  # latent frames [1, 1, C, h, w]
        drawn = [self._drawn(parts[i], picture[i], largest[i], chosen[i], area) for i in range(len(shares))]
        together = torch.cat(drawn, dim=1)
        return together.view(*frames.shape[:3], *together.shape[-2:])

    def render_area(self, frames: Tensor, latents: Tensor, area: LatentArea) -> Tensor:
        """As `forward`, with detail only in the pixels of this area of the latents."""
        rendered = frames.clone()
        rendered[..., *self._layout[0].pixels(area)] = self(frames, latents, area)
        return rendered

    def shares(self, latents: Tensor) -> Tensor:
        """latents [B, F, C, h, w] -> float32 [B F, renderers]: how much each renderer draws, with a sum of at most 1.

        A frame's code is the mean of its positions', weighted by their size: positions without a code, as outside a
        region, don't count.
        """
        code = latents.flatten(0, 1)[:, -self.count :].flatten(2).float()
        size = code.norm(dim=1, keepdim=True)
        mean = (code * size).sum(dim=-1) / size.sum(dim=-1).clamp(min=torch.finfo(code.dtype).tiny)
        wanted = (mean - IGNORED).relu()
        shares: Tensor = wanted / wanted.sum(dim=-1, keepdim=True).clamp(min=FADE)
        return shares

    def _drawn(self, frames: Tensor, latent: Tensor, shares: Tensor, chosen: Tensor, area: LatentArea | None) -> Tensor:
        """One latent frame [1, 1, C, h, w], and the shares of its chosen renderers."""
        drawn = frames if area is None else frames[..., *self._layout[0].pixels(area)]
        for share, weights in zip(shares, self.weights[chosen], strict=True):
            if share.device.type == "cpu" and not share:
                continue
            detail = functional_call(self._layout[0], self.named(weights), (frames, latent, area))
            drawn = drawn + share.to(detail.dtype) * detail
        return drawn

    def named(self, weights: Tensor) -> dict[str, Tensor]:
        """weights [parameters] of one renderer -> its parameters by name, views of them."""
        shapes = {name: parameter.shape for name, parameter in self._layout[0].named_parameters()}
        parts = weights.split([shape.numel() for shape in shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
