"""Clips of `lipar bench` that need no file: what a camera on a tripod, a hand-held one and an edited film deliver."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_eval.synthetic_sources import at_rest, clip, crossing, noisy, pan, scene

BLOCKS = 8  # of a clip, which is repeated
NOISE = 1.5  # sigma of the sensor's noise, levels of 255
CUT_EVERY = 2  # blocks


def _cuts(frames: int) -> Tensor:
    """Another scene every `CUT_EVERY` of the clip's blocks."""
    shots = BLOCKS // CUT_EVERY
    scenes = [scene(seed=seed) for seed in range(shots)]
    return clip(torch.stack([scenes[i * shots // frames] for i in range(frames)]))


KINDS: Mapping[str, Callable[[int], Tensor]] = {
    "static": at_rest,
    "person": lambda frames: crossing(frames)[0],
    "pan": pan,
    "cut": _cuts,
}


def bench_clip(kind: str, stream: StreamConfig) -> Tensor:
    """[N, 3, height, width] uint8, the same in every run; of a whole number of blocks."""
    frames = KINDS[kind](BLOCKS * stream.frames_per_block)
    size = stream.height, stream.width
    resized = [F.interpolate(part.float(), size, mode="bilinear", antialias=True) for part in frames.split(16)]
    return noisy(torch.cat(resized), NOISE)
