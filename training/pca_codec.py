"""Initialises a TAEHV as an exact linear code: PCA of 8x8 blocks, then twice of pairs of time steps.

A linear map passes through ReLUs as pairs of positive and negative parts: every value v of the code is stored as
(relu(v), relu(-v)). MemBlocks start as relu(x), with their last convolution at zero. Requires layouts without spatial
strides and with equal widths.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipar_core.models.taehv import TAEHV
from lipar_core.models.taehv_layers import MemBlock, TGrow, TPool

MAX_LATENT_STD = 2.5  # standard deviation of the latents' strongest channel
RANDOM_WEIGHT_SCALE = 0.02  # scale of the random weights that the code does not set


@torch.no_grad()
def start_as_pca(codec: TAEHV, frames: Tensor) -> None:
    """Set the weights from sample frames [N, 3, H, W], N a multiple of 4, four consecutive ones after each other.

    Each latent channel is scaled to the square root of its standard deviation, so that no channel is lost in the
    diffusion noise and noise-like channels are not amplified.
    """
    config = codec.config
    half = config.encoder_width // 2
    channels = config.latent_channels
    if {*config.encoder_space, *config.decoder_space} != {1} or set(config.decoder_widths) != {config.encoder_width}:
        raise ValueError(f"codec layout {config}: PCA needs strides of 1 in space and one width")
    pixels = F.pixel_unshuffle(frames, config.unshuffle)
    mean = pixels.mean(dim=(0, 2, 3))
    values = (pixels - mean.view(-1, 1, 1)).permute(0, 2, 3, 1)  # [N, h, w, P]
    space = _principal(values)[:, :half]
    first = _merge_pairs(values @ space)
    second_basis = _principal(first)[:, :half]
    second = _merge_pairs(first @ second_basis)
    third_basis = _principal(second)[:, :channels]
    spread = (second @ third_basis).flatten(0, -2).std(dim=0)
    scale = spread**-0.5 * MAX_LATENT_STD / spread.max() ** 0.5
    for parameter in codec.parameters():
        parameter.mul_(RANDOM_WEIGHT_SCALE if parameter.dim() == 4 else 0.0)
    _set_encoder(codec.encoder, mean, space, second_basis, third_basis, scale)
    _set_decoder(codec.decoder, mean, space, second_basis, third_basis, scale)


def _set_encoder(
    layers: nn.Sequential, mean: Tensor, space: Tensor, second: Tensor, third: Tensor, scale: Tensor
) -> None:
    half = space.shape[1]
    channels = len(scale)
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    pools = [layer for layer in layers if isinstance(layer, TPool)]
    _centre(convs[0], _signed(space).T, bias=-(mean @ _signed(space)))
    for pool, basis in zip(pools, (second, third), strict=True):
        joined = torch.cat([_unsigned(half) @ basis[:half], _unsigned(half) @ basis[half:]])
        pool.conv.weight[:, :, 0, 0] = _signed(_widen(joined, half)).T
    for conv in convs[1:-1]:
        _centre(conv, torch.eye(2 * half))
    _centre(convs[-1], _unsigned(half)[:, :channels].T * scale[:, None])
    _pass_through(layers)


def _set_decoder(
    layers: nn.Sequential, mean: Tensor, space: Tensor, second: Tensor, third: Tensor, scale: Tensor
) -> None:
    half = space.shape[1]
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    grows = [layer for layer in layers if isinstance(layer, TGrow)]
    _centre(convs[0], _unsigned(half)[:, : len(scale)] / scale)
    for grow, basis in zip(grows, (third, second), strict=True):
        wide = _widen(basis, half)
        halves = [_signed(_unsigned(half) @ part.T) for part in (wide[:half], wide[half:])]
        grow.conv.weight[:, :, 0, 0] = torch.cat(halves, dim=1).T
    for conv in convs[1:-1]:
        _centre(conv, torch.eye(2 * half))
    _centre(convs[-1], (_unsigned(half) @ space.T).T, bias=mean)
    _pass_through(layers)


def _pass_through(layers: nn.Sequential) -> None:
    for layer in layers:
        if isinstance(layer, MemBlock):
            last = layer.conv[4]
            assert isinstance(last, nn.Conv2d)
            last.weight.zero_()


def _principal(values: Tensor) -> Tensor:
    """values [..., D] -> principal directions [D, D], strongest first."""
    flat = values.flatten(0, -2).double()
    return torch.linalg.eigh(flat.T @ flat).eigenvectors.flip(1).float()


def _merge_pairs(values: Tensor) -> Tensor:
    """Two consecutive time steps side by side: [N, h, w, D] -> [N / 2, h, w, 2 D]."""
    return values.unflatten(0, (-1, 2)).permute(0, 2, 3, 1, 4).flatten(-2)


def _signed(basis: Tensor) -> Tensor:
    """Columns that give v and -v of every column: [D, n] -> [D, 2 n]."""
    return torch.cat([basis, -basis], dim=-1)


def _unsigned(count: int) -> Tensor:
    """[2 n, n]: joins positive and negative parts."""
    return torch.cat([torch.eye(count), -torch.eye(count)])


def _widen(basis: Tensor, count: int) -> Tensor:
    return F.pad(basis, (0, count - basis.shape[1]))


def _centre(conv: nn.Conv2d, matrix: Tensor, bias: Tensor | None = None) -> None:
    """Make the centre tap of a 3x3 convolution the matrix [out, in]."""
    conv.weight[:, :, 1, 1] = matrix
    if bias is not None:
        assert conv.bias is not None
        conv.bias.copy_(bias)
