"""How many frames per second this machine edits, measured in a second or two."""

import statistics
import time

import torch

from lipar_core.models import Models
from lipar_core.session import EditSession

KEEP_RATIO = 0.5  # of the tokens: what a person who moves before a camera at rest leaves to compute
WARM_UP = 3  # blocks that are not counted
MIN_BLOCKS = 4
HOPELESS = 0.6  # of what is needed: a rate below it after some blocks will not recover


def measured_fps(models: Models, seconds: float = 2.0, needed: float = 0.0) -> float:
    """Frames per second of one stream by the median block; ends early where `needed` is far out of reach."""
    stream = models.preset.stream
    generator = torch.Generator().manual_seed(0)
    keep = torch.rand(stream.block_frames, stream.rows, stream.cols, generator=generator) < KEEP_RATIO
    session: EditSession[int] = EditSession(models, live=True, force_keep=lambda _: keep)
    frames = torch.rand(stream.frames_per_block, 3, stream.height, stream.width, generator=generator)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < WARM_UP + MIN_BLOCKS or time.perf_counter() - began < seconds:
        block_began = time.perf_counter()
        session.push(frames, range(len(frames))).frames.cpu()  # waits for the device
        times.append(time.perf_counter() - block_began)
        if len(times) >= WARM_UP + MIN_BLOCKS and _fps(stream.frames_per_block, times) < HOPELESS * needed:
            break
    return _fps(stream.frames_per_block, times)


def _fps(frames: int, times: list[float]) -> float:
    return frames / statistics.median(times[WARM_UP:])
