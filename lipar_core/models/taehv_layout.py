"""The layout of TAEHV's tensors in memory: channels last where that is faster on this GPU.

Tensor cores multiply rows of channels, so that convolutions on other layouts are often converted first; the joined
layers at changes of resolution prefer channels first. Which counts for more differs from GPU to GPU.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import torch

from lipar_core.models.device_time import fastest_seconds
from lipar_core.models.interfaces import Codec

if TYPE_CHECKING:
    from lipar_core.config import StreamConfig

log = logging.getLogger(__name__)

MIN_SPEEDUP = 1.05  # less is measurement noise
Timer = Callable[[Callable[[], object], torch.device], float]


class ConvolutionalCodec(Codec, Protocol):
    def set_layout(self, layout: torch.memory_format) -> None:
        """Of its weights, and so of what its convolutions return."""


@torch.inference_mode()
def choose_layout(
    codec: ConvolutionalCodec,
    stream: StreamConfig,
    device: torch.device,
    dtype: torch.dtype,
    seconds: Timer = fastest_seconds,
) -> torch.memory_format:
    """Set the faster layout, measured on one latent frame of this size of the picture; results differ by rounding."""
    size = stream.height, stream.width
    frames = torch.zeros(1, stream.frames_per_latent, 3, *size, dtype=dtype, device=device)
    latents, _ = codec.encode(frames)

    def both() -> None:
        codec.encode(frames)
        codec.decode(latents)

    times = {}
    for layout in (torch.channels_last, torch.contiguous_format):
        codec.set_layout(layout)
        times[layout] = seconds(both, device)
    last, first = times[torch.channels_last], times[torch.contiguous_format]
    chosen = torch.channels_last if MIN_SPEEDUP * last <= first else torch.contiguous_format
    codec.set_layout(chosen)
    log.info("codec: %s, %.1f ms with channels last, %.1f ms with channels first", chosen, 1000 * last, 1000 * first)
    return chosen
