"""The layers of TAEHV (madebyollin/taehv, published layout and names)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bound(nn.Module):
    """Squash latents smoothly into (-bound, bound)."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.bound = bound

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / self.bound) * self.bound


class MemBlock(nn.Module):
    """A residual block that also sees its input of the previous time step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            conv3x3(2 * width, width),
            nn.ReLU(inplace=True),
            conv3x3(width, width),
            nn.ReLU(inplace=True),
            conv3x3(width, width),
        )

    def forward(self, x: Tensor, past: Tensor) -> Tensor:
        return F.relu(self.conv(torch.cat([x, past], dim=1)) + x)


class TPool(nn.Module):
    """Merge `stride` consecutive frames into one: [B, T, C, H, W] -> [B, T / stride, C, H, W]."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(width * stride, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        out: Tensor = self.conv(x.reshape(count // self.stride, channels * self.stride, height, width))
        return out


class TGrow(nn.Module):
    """Split each frame into `stride` consecutive ones: the inverse shape of `TPool`."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(width, width * stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        out: Tensor = self.conv(x)
        return out.reshape(count * self.stride, channels, height, width)


def conv3x3(inputs: int, outputs: int, **kwargs: bool | int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **kwargs)  # type: ignore[arg-type]
