"""What editing returns: frames with their timestamps, and measurements of the blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor

from lipar_core.config import StreamConfig
from lipar_core.parameters import Parameters
from lipar_core.runtime.stopwatch import Stopwatch

P = TypeVar("P")  # a timestamp, in any unit of the caller


@dataclass(frozen=True, slots=True)
class BlockReport:
    """Measurements of one edited block."""

    number: int
    keep_ratio: float  # ratio of tokens computed in the denoising steps before the last
    noise_levels: float | None  # sigma of the source's noise, levels of 255; None with the detector `lipar`
    parameters: Parameters  # that applied to it
    stopwatch: Stopwatch
    clean_watch: Stopwatch | None  # of the clean pass of the block before; None in a stream's first block
    active_ratio: float = 1.0  # ratio of tokens that it could compute: those of its region

    @property
    def stage_ms(self) -> dict[str, float]:
        """Milliseconds of encode, detect, denoise, decode, clean; waits for the device.

        A block's clean pass runs after its frames are returned, so that `clean` is that of the block before.
        """
        clean_ms = {"clean": 0.0} if self.clean_watch is None else self.clean_watch.stage_ms()
        return self.stopwatch.stage_ms() | clean_ms


@dataclass(frozen=True, slots=True)
class EditedFrames(Generic[P]):
    """Finished frames, each with the timestamp of the source frame that it shows."""

    frames: Tensor  # [N, 3, height, width] in [0, 1]
    pts: list[P]
    keep: Tensor  # [N, rows, cols] bool: the keep mask of each frame's latent frame
    blocks: list[BlockReport] = field(default_factory=list)


def no_frames(stream: StreamConfig, device: torch.device, blocks: Sequence[BlockReport] = ()) -> EditedFrames[P]:
    """N = 0."""
    frames = torch.empty(0, 3, stream.height, stream.width, device=device)
    keep = torch.empty(0, stream.rows, stream.cols, dtype=torch.bool, device=device)
    return EditedFrames(frames, [], keep, list(blocks))


def join_frames(parts: Sequence[EditedFrames[P]]) -> EditedFrames[P]:
    """At least one part, in order, as one."""
    return EditedFrames(
        torch.cat([part.frames for part in parts]),
        [stamp for part in parts for stamp in part.pts],
        torch.cat([part.keep for part in parts]),
        [report for part in parts for report in part.blocks],
    )
