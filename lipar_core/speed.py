"""Measures how many frames per second this machine edits, in one or two seconds."""

import statistics
import time

import torch

from lipar_core.models.loading import Models
from lipar_core.session import EditSession
from lipar_core.sizes import stream_at

KEEP_RATIO = 0.5  # of the tokens: typical of a person moving in front of a static camera
WARMUP_BLOCKS = 3  # not measured
MIN_BLOCKS = 4
MIN_RATE_RATIO = 0.6  # of the required rate: the measurement stops early below it


def measured_fps(models: Models, size: str | None = None, seconds: float = 2.0, needed: float = 0.0) -> float:
    """Frames per second of one stream, from the median block; stops early if `needed` is far out of reach."""
    stream = stream_at(models.preset, size)
    generator = torch.Generator().manual_seed(0)
    keep = torch.rand(stream.block_frames, stream.rows, stream.cols, generator=generator) < KEEP_RATIO
    session: EditSession[int] = EditSession(models, size=size, live=True, force_keep=lambda _: keep)
    frames = torch.rand(stream.frames_per_block, 3, stream.height, stream.width, generator=generator)
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < WARMUP_BLOCKS + MIN_BLOCKS or time.perf_counter() - started < seconds:
        block_began = time.perf_counter()
        session.push(frames, range(len(frames))).frames.cpu()  # waits for the device
        times.append(time.perf_counter() - block_began)
        if len(times) >= WARMUP_BLOCKS + MIN_BLOCKS and _fps(stream.frames_per_block, times) < MIN_RATE_RATIO * needed:
            break
    return _fps(stream.frames_per_block, times)


def _fps(frames: int, times: list[float]) -> float:
    return frames / statistics.median(times[WARMUP_BLOCKS:])
