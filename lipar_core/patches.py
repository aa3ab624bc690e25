"""Latents to tokens and back: one token is a patch of one latent frame."""

from torch import Tensor


def patchify(latents: Tensor, patch: int) -> Tensor:
    """[..., C, h, w] -> [..., T, C * patch * patch], tokens row by row, values in (channel, row, column) order."""
    *lead, channels, height, width = latents.shape
    x = latents.reshape(*lead, channels, height // patch, patch, width // patch, patch)
    n = len(lead)
    return x.permute(*range(n), n + 1, n + 3, n, n + 2, n + 4).reshape(*lead, -1, channels * patch * patch)


def unpatchify(tokens: Tensor, patch: int, rows: int) -> Tensor:
    """[..., T, C * patch * patch] -> [..., C, h, w] for a grid of `rows` rows."""
    *lead, count, values = tokens.shape
    cols = count // rows
    channels = values // patch**2
    n = len(lead)
    x = tokens.reshape(*lead, rows, cols, channels, patch, patch)
    return x.permute(*range(n), n + 2, n, n + 3, n + 1, n + 4).reshape(*lead, channels, rows * patch, cols * patch)
