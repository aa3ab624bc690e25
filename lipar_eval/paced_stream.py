"""A camera's stream in real time: blocks are edited as their frames arrive, and dropped where the model is too slow."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.gate import Gate, stream_gate
from lipar_eval.machine import memory_now
from lipar_eval.summary import p99

MAX_WAITING = 2  # blocks that have arrived: of more the oldest is dropped
MIN_SAMPLES = 8  # blocks of which a memory slope is computed


class Clock(NamedTuple):
    """Seconds, and a way to wait."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class PacedStream:
    """One run. Latency: from the arrival of a block's last frame until its edited frames are on the host."""

    fps: float
    frames_per_block: int
    gate: Gate | None = None
    edited: int = 0  # blocks
    dropped: int = 0
    largest_queue: int = 0  # blocks that waited at once
    latency_ms: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # since the start, of each edited block
    memory: list[int] = field(default_factory=list)  # bytes after each edited block

    @property
    def block_s(self) -> float:
        return self.frames_per_block / self.fps

    @property
    def missed(self) -> int:
        """Blocks that were not finished when the next one had arrived; dropped ones also."""
        return self.dropped + sum(ms > 1000 * self.block_s for ms in self.latency_ms)

    def to_json(self) -> dict[str, object]:
        """Of wrong output no times."""
        row: dict[str, object] = {"fps": self.fps, "gate": None if self.gate is None else self.gate.to_json()}
        if self.gate is not None and not self.gate.passed:
            return row
        return row | {
            "edited": self.edited,
            "dropped": self.dropped,
            "missed": self.missed,
            "largest_queue": self.largest_queue,
            "latency_p50_ms": statistics.median(self.latency_ms),
            "latency_p99_ms": p99(self.latency_ms),
            "memory_gb": max(self.memory) / 1e9,
            "memory_mb_per_minute": self.memory_slope(),
            "latency_ms": self.latency_ms,
            "seconds": self.seconds,
        }

    def memory_slope(self) -> float | None:
        """Megabytes per minute over the second half; None for too few blocks."""
        half = len(self.memory) // 2
        if half < MIN_SAMPLES:
            return None
        return statistics.linear_regression(self.seconds[half:], self.memory[half:]).slope * 60 / 1e6


def paced_stream(models: Models, clip: Tensor, fps: float, seconds: float, clock: Clock | None = None) -> PacedStream:
    """A clip [N, 3, H, W] uint8 in a loop, with the detector and the thresholds of live sessions."""
    clock = clock or Clock()
    size = models.preset.stream.frames_per_block
    blocks = [block for block in clip.split(size) if len(block) == size]
    parameters = default_parameters(models.preset, live=True)
    pixels = [block.to(models.device).float() / 255 for block in blocks[:3]]
    result = PacedStream(fps, size, stream_gate(models, parameters, pixels))
    session: EditSession[int] = EditSession(models, parameters)
    for block in blocks[:2]:
        _edit(session, block)  # the first takes longer: kernels are chosen
    _run(result, session, blocks, max(1, round(seconds / result.block_s)), clock)
    session.close()
    return result


def _run(result: PacedStream, session: EditSession[int], blocks: list[Tensor], count: int, clock: Clock) -> None:
    started = clock.now()
    arrivals = [started + (number + 1) * result.block_s for number in range(count)]
    number = 0
    while number < count:
        clock.sleep(max(0.0, arrivals[number] - clock.now()))
        waiting = sum(at <= clock.now() for at in arrivals[number:])
        result.largest_queue = max(result.largest_queue, waiting)
        skipped = max(0, waiting - MAX_WAITING)
        result.dropped += skipped
        number += skipped
        _edit(session, blocks[number % len(blocks)])
        done = clock.now()
        result.edited += 1
        result.latency_ms.append(1000 * (done - arrivals[number]))
        result.seconds.append(done - started)
        result.memory.append(memory_now(session.models.device))
        session.finish_block()
        number += 1


def _edit(session: EditSession[int], frames: Tensor) -> None:
    """One block, until its edited frames are on the host; its clean pass is left for later."""
    session.push(frames, range(len(frames))).frames.cpu()
