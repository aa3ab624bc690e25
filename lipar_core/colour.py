"""RGB and planar YUV 4:2:0 (BT.601, limited range: what webcams and WebRTC carry), on the model's device."""

import torch
from torch import Tensor

KR, KB = 0.299, 0.114  # luma weights of red and blue, ITU-R BT.601
KG = 1 - KR - KB


def rgb_from_yuv420p(planes: Tensor) -> Tensor:
    """planes [N, H * 3 / 2, W] uint8 (Y, then U, then V) -> RGB [N, 3, H, W] float in [0, 1]."""
    height, width = planes.shape[1] * 2 // 3, planes.shape[2]
    y = (planes[:, :height].float() - 16) / 219
    chroma = planes[:, height:].reshape(-1, 2, height // 2, width // 2).float()
    cb, cr = ((chroma - 128) / 224).repeat_interleave(2, -1).repeat_interleave(2, -2).unbind(1)
    red = y + 2 * (1 - KR) * cr
    blue = y + 2 * (1 - KB) * cb
    return torch.stack([red, (y - KR * red - KB * blue) / KG, blue], dim=1).clamp_(0, 1)


def yuv420p_from_rgb(rgb: Tensor) -> Tensor:
    """RGB [N, 3, H, W] float in [0, 1], even sizes -> planes [N, H * 3 / 2, W] uint8."""
    count, _, height, width = rgb.shape
    red, green, blue = rgb.float().unbind(1)
    y = KR * red + KG * green + KB * blue
    chroma = torch.stack([(blue - y) / (2 * (1 - KB)), (red - y) / (2 * (1 - KR))], dim=1)
    chroma = torch.nn.functional.avg_pool2d(chroma, 2) * 224 + 128
    planes = torch.cat([y * 219 + 16, chroma.reshape(count, height // 2, width)], dim=1)
    return planes.round_().clamp_(0, 255).to(torch.uint8)
