"""What the renderer drew is kept while nothing changes: a still picture, or a shared screen that rests.

To draw a part alone does not pay. A camera's noise changes every token, also those that are reused
(`pruning.follow_source`), and where a few tokens of a still picture change, so do the decoder's frames far around them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Frames [B, 4F, 3, H, W] and their latents [B, F, C, h, w] -> the frames with detail.
FrameRenderer = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class RenderedFrames:
    """What the renderer was given in a call, and drew."""

    frames: Tensor  # [B, 4F, 3, H, W]
    latents: Tensor  # [B, F, C, h, w]
    output: Tensor  # like frames


def render(renderer: FrameRenderer, frames: Tensor, latents: Tensor, before: RenderedFrames | None) -> RenderedFrames:
    """The call before, if its input was the same, else a new one. The host reads whether it was: for a CPU."""
    if before is not None and torch.equal(latents, before.latents) and torch.equal(frames, before.frames):
        return before
    return RenderedFrames(frames, latents.clone(), renderer(frames, latents))
