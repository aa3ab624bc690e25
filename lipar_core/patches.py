"""Latents to tokens and back: one token is a patch of one latent frame."""

from torch import Tensor


def patchify(latents: Tensor, patch: int) -> Tensor:
    """[..., C, h, w] -> [..., T, C * patch * patch], tokens row by row, values in (channel, row, column) order."""
    return _by_token(latents, patch).flatten(-3).flatten(-3, -2)


def patchify_into(tokens: Tensor, latents: Tensor, patch: int) -> None:
    """As `patchify`, into existing tokens [..., T, C * patch * patch] of any dtype."""
    parts = _by_token(latents, patch)
    tokens.view(parts.shape).copy_(parts)


def unpatchify(tokens: Tensor, patch: int, rows: int) -> Tensor:
    """[..., T, C * patch * patch] -> [..., C, h, w] for a grid of `rows` rows."""
    *lead, count, values = tokens.shape
    size = (*lead, values // patch**2, rows * patch, count // rows * patch)
    latents = tokens.new_empty(size)
    unpatchify_into(latents, tokens, patch)
    return latents


def unpatchify_into(latents: Tensor, tokens: Tensor, patch: int) -> None:
    """As `unpatchify`, into existing latents [..., C, h, w] of any dtype."""
    parts = _by_token(latents, patch)
    parts.copy_(tokens.reshape(parts.shape))


def _by_token(latents: Tensor, patch: int) -> Tensor:
    """View of [..., C, h, w] as [..., rows, cols, C, patch, patch]."""
    height, width = latents.shape[-2:]
    x: Tensor = latents.unflatten(-1, (width // patch, patch)).unflatten(-3, (height // patch, patch))
    return x.movedim((-4, -2), (-5, -4))
