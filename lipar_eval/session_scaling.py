"""Several sessions of one model that take turns, as in a server: what each gets, and whether they stay apart."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lipar_core.kernels.self_test import relative_error
from lipar_core.models.loading import Models
from lipar_core.presets import default_parameters
from lipar_core.session import EditSession
from lipar_eval.gate import GATED_BLOCKS, Gate, gate
from lipar_eval.machine import memory_now
from lipar_eval.summary import p99
from lipar_eval.throughput import WARMUP_BLOCKS, ForcedMasks, edit_to_end, random_block


@dataclass(slots=True)
class SessionScaling:
    """So many sessions at once. A round is a block of each."""

    sessions: int
    frames_per_block: int
    gate: Gate  # x0 of the last session against the same stream alone
    memory: int = 0  # bytes at the end
    round_ms: list[float] = field(default_factory=list)
    block_ms: list[list[float]] = field(default_factory=list)  # of each session

    def to_json(self) -> dict[str, object]:
        """If they disturb each other, no times."""
        row = {"sessions": self.sessions, "gate": self.gate.to_json(), "memory_gb": self.memory / 1e9}
        if not self.gate.passed:
            return row
        fps = 1000 * self.frames_per_block / statistics.median(self.round_ms)
        medians = [statistics.median(times) for times in self.block_ms]
        return row | {
            "fps_each": fps,
            "fps_all": fps * self.sessions,
            "round_p50_ms": statistics.median(self.round_ms),
            "round_p99_ms": p99(self.round_ms),
            "slowest_to_fastest": max(medians) / min(medians),
        }


def session_scaling(models: Models, counts: Sequence[int], ratio: float, blocks: int) -> list[SessionScaling]:
    """For each number of sessions; every one has its own pictures and the same forced keep ratio."""
    return [_measure(models, count, ratio, blocks) for count in counts]


def _measure(models: Models, count: int, ratio: float, blocks: int) -> SessionScaling:
    masks = ForcedMasks(models, ratio)
    pictures = [random_block(models, seed) for seed in range(count)]
    alone = _first_x0(models, masks, pictures[-1:])
    together = _first_x0(models, masks, pictures)
    result = SessionScaling(count, models.preset.stream.frames_per_block, gate(models, relative_error(together, alone)))
    sessions: list[EditSession[int]] = [EditSession(models, force_keep=masks) for _ in range(count)]
    result.block_ms = [[] for _ in sessions]
    for turn in range(WARMUP_BLOCKS + blocks):
        times = [_block_ms(session, frames) for session, frames in zip(sessions, pictures, strict=True)]
        if turn >= WARMUP_BLOCKS:
            result.round_ms.append(sum(times))
            for own, ms in zip(result.block_ms, times, strict=True):
                own.append(ms)
    result.memory = memory_now(models.device)
    for session in sessions:
        session.close()
    return result


def _first_x0(models: Models, masks: ForcedMasks, pictures: Sequence[Tensor]) -> Tensor:
    """x0 of the last session's first blocks, while the sessions take turns."""
    seen: list[Tensor] = []
    parameters = default_parameters(models.preset)
    sessions: list[EditSession[int]] = [
        EditSession(models, parameters, force_keep=masks, observer=lambda x0, _: seen.append(x0)) for _ in pictures
    ]
    for _ in range(GATED_BLOCKS):
        for session, frames in zip(sessions, pictures, strict=True):
            session.push(frames, range(len(frames)))
        for session in sessions:
            session.finish_block()
    for session in sessions:
        session.close()
    return torch.stack(seen[len(pictures) - 1 :: len(pictures)])


def _block_ms(session: EditSession[int], frames: Tensor) -> float:
    started = time.perf_counter()
    edit_to_end(session, frames)
    return (time.perf_counter() - started) * 1000
