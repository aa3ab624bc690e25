"""Draws again only what changed: where the renderer's inputs are those of the block before, so is its output.

That is so for still pictures and shared screens. A camera's noise changes every token, also those that are reused
(`pruning.follow_source`): there it costs one comparison of the latents.
"""

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from lipar_core.models.interfaces import LatentArea

MAX_RATIO = 0.6  # of the latents that are read to draw an area: above it the whole picture is drawn


class AreaRenderer(Protocol):
    """What is used of the renderer."""

    def __call__(self, frames: Tensor, latents: Tensor) -> Tensor:
        """Frames [B, 4F, 3, H, W] with detail, of latents [B, F, C, h, w]."""

    def area_pixels(self, frames: Tensor, latents: Tensor, area: LatentArea) -> Tensor:
        """The same in this area."""

    def reached(self, area: LatentArea, rows: int, cols: int) -> LatentArea:
        """The latents whose pixels depend on an area; a pixel depends as far."""


@dataclass(frozen=True, slots=True)
class RenderedFrames:
    """What the renderer was given in a call, and drew."""

    frames: Tensor  # [B, 4F, 3, H, W]
    latents: Tensor  # [B, F, C, h, w]
    output: Tensor  # like frames


def render(renderer: AreaRenderer, frames: Tensor, latents: Tensor, before: RenderedFrames | None) -> RenderedFrames:
    """As the renderer on everything, but for rounding. The host reads what changed: for a CPU."""
    output = None
    if before is not None and before.frames.shape == frames.shape:
        output = _changed_output(renderer, frames, latents, before)
    return RenderedFrames(frames, latents.clone(), renderer(frames, latents) if output is None else output)


def _changed_output(renderer: AreaRenderer, frames: Tensor, latents: Tensor, before: RenderedFrames) -> Tensor | None:
    """None where too much changed."""
    rows, cols = latents.shape[-2:]
    changed = (latents != before.latents).flatten(0, -3).any(0)
    if _is_large(renderer, _bounding_box(changed), rows, cols):
        return None
    pixels = (frames != before.frames).flatten(0, -3).any(0)
    box = _bounding_box(changed | (F.adaptive_max_pool2d(pixels[None].float(), (rows, cols))[0] > 0))
    if box is None:
        return before.output
    if _is_large(renderer, box, rows, cols):
        return None
    area = renderer.reached(box, rows, cols)
    stride = frames.shape[-1] // cols
    output = before.output.clone()
    y = slice(area.top * stride, area.bottom * stride)
    x = slice(area.left * stride, area.right * stride)
    output[..., y, x] = renderer.area_pixels(frames, latents, area)
    return output


def _is_large(renderer: AreaRenderer, box: LatentArea | None, rows: int, cols: int) -> bool:
    if box is None:
        return False
    read = renderer.reached(renderer.reached(box, rows, cols), rows, cols)
    return (read.bottom - read.top) * (read.right - read.left) > MAX_RATIO * rows * cols


def _bounding_box(changed: Tensor) -> LatentArea | None:
    """changed [h, w] bool; None: nothing."""
    rows, cols = (changed.any(dim).nonzero().flatten().tolist() for dim in (1, 0))
    return LatentArea(rows[0], rows[-1] + 1, cols[0], cols[-1] + 1) if rows else None
