"""Clips for measurements, and editing a whole clip with a session."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipar_core.models.loading import Models
from lipar_core.parameters import Parameters
from lipar_core.session import EditSession
from lipar_core.stream.output import EditedFrames
from lipar_video.reader import SourceFrame, VideoReader


@dataclass(frozen=True, slots=True)
class Clip:
    """A video clip in the preset's size."""

    name: str
    frames: Tensor  # [N, 3, H, W] uint8

    @property
    def pixels(self) -> Tensor:
        """[N, 3, H, W] in [0, 1]."""
        return self.frames.float() / 255


def to_picture(frame: Tensor) -> NDArray[np.uint8]:
    """frame [3, H, W] in [0, 1] -> uint8 [H, W, 3]."""
    picture: NDArray[np.uint8] = (frame.permute(1, 2, 0) * 255).round().byte().numpy()
    return picture


def read_clip(path: Path, models: Models, limit: int | None = None) -> Clip:
    """At most `limit` frames of a file; raises `LiparError` if it cannot be read."""
    stream = models.preset.stream
    pictures = []
    with VideoReader(path, stream.width, stream.height, "crop") as reader:
        for item in reader:
            if isinstance(item, SourceFrame):
                pictures.append(item.picture)
            if len(pictures) == limit:
                break
    return Clip(path.stem, torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))


def edit_clip(
    models: Models, clip: Clip, parameters: Parameters, force_keep: Callable[[int], Tensor] | None = None
) -> EditedFrames[int]:
    """The whole edited clip, on the CPU."""
    return run_session(EditSession(models, parameters, force_keep=force_keep), clip)


def run_session(session: EditSession[int], clip: Clip) -> EditedFrames[int]:
    """The whole clip edited by a new session, on the CPU."""
    first = session.push(clip.frames, range(len(clip.frames)))
    rest = session.flush()
    frames, keep = (torch.cat([getattr(part, name).cpu() for part in (first, rest)]) for name in ("frames", "keep"))
    return EditedFrames(frames, [*first.pts, *rest.pts], keep, [*first.blocks, *rest.blocks])


def mean_keep_ratio(edited: EditedFrames[int]) -> float:
    """Mean keep ratio without the first block, which is always computed in full."""
    ratios = [report.keep_ratio for report in edited.blocks[1:]]
    return sum(ratios) / len(ratios) if ratios else 1.0
