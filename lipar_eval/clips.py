"""Clips for measurements."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipar_core.models.loading import Models
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
