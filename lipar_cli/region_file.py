"""The masks of `lipar edit --region FILE`: a picture, or a video with one mask per frame of the input."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Self

import torch

from lipar_core.errors import LiparError
from lipar_video.reader import SourceFrame, VideoReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from lipar_core.config import StreamConfig
    from lipar_core.parameters import Fit

BLACK, WHITE = 8, 247  # levels of 255 from which a pixel counts as outside or inside: compression changes levels
ASPECT_TOLERANCE = 0.01


class RegionFile:
    """Reads masks in step with the input's frames; they are fitted to the model's size as the input's pictures are."""

    def __init__(self, path: Path, stream: StreamConfig, fit: Fit) -> None:
        """Raises `LiparError`."""
        self.path = path
        self.used = 0  # masks
        try:
            self.reader = VideoReader(path, stream.width, stream.height, fit)
            masks = self._read_masks()
            first, second = next(masks), next(masks, None)
        except LiparError as error:
            raise LiparError(f"--region: {error}") from error
        self.still = first if second is None else None  # the mask of all frames
        self._newest = first
        self._remaining = masks if second is None else chain((first, second), masks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.container.close()
        self.reader.source.close()

    def check_length(self, source: VideoReader) -> None:
        """Raises `LiparError` if the input is known to have more frames than there are masks."""
        masks, frames = self.reader.expected_frames, source.expected_frames
        if self.still is None and masks is not None and frames is not None and masks < frames:
            raise LiparError(f"--region {self.path}: {masks} frames, the input has {frames}: must be one for each")

    def masks(self, source: VideoReader, pts: Sequence[int | None]) -> Tensor:
        """The masks [n, H, W] in [0, 1] of a block's frames; padding (None) repeats the last."""
        if self.used == 0:
            self._check_aspect(source)
        if self.still is not None:
            self.used = 1
            return self.still[None]
        return torch.stack([self._newest if stamp is None else self._next_mask() for stamp in pts])

    def read_rest(self) -> str | None:
        """Read the file to its end; returns what of it was not used."""
        left = 0 if self.still is not None else sum(1 for _ in self._remaining)
        return f"--region {self.path}: its last {left} frames were not used" if left else None

    def _next_mask(self) -> Tensor:
        mask = next(self._remaining, None)
        if mask is None:
            raise LiparError(f"--region {self.path}: {self.used} frames, the input has more: must be one for each")
        self.used += 1
        self._newest = mask
        return mask

    def _read_masks(self) -> Iterator[Tensor]:
        for item in self.reader:
            if isinstance(item, SourceFrame):
                grey = torch.from_numpy(item.picture).float().mean(dim=-1)
                yield ((grey - BLACK) / (WHITE - BLACK)).clamp(0, 1)

    def _check_aspect(self, source: VideoReader) -> None:
        mask, picture = self.reader.shown_size, source.shown_size
        assert mask is not None and picture is not None
        ratio = (mask[0] * picture[1]) / (mask[1] * picture[0])
        if abs(ratio - 1) > ASPECT_TOLERANCE:
            sizes = f"{mask[0]}x{mask[1]}, the input is {picture[0]}x{picture[1]}"
            raise LiparError(f"--region {self.path}: {sizes}: must have the same aspect ratio")
