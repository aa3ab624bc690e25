"""Converts a stored picture's geometry to the model's: square pixels, upright, cropped or fitted to size."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type

from lipar_core.parameters import Fit

FilterStep = tuple[str, str]  # an FFmpeg filter's name and its arguments

UPRIGHT = (1, 0, 0, 1)
# The linear part of a display matrix, a b c d: x' = a x + c y, y' = b x + d y.
ORIENTATION_FILTERS: dict[tuple[int, int, int, int], tuple[FilterStep, ...]] = {
    UPRIGHT: (),
    (-1, 0, 0, 1): (("hflip", ""),),
    (1, 0, 0, -1): (("vflip", ""),),
    (-1, 0, 0, -1): (("hflip", ""), ("vflip", "")),
    (0, 1, -1, 0): (("transpose", "clock"),),
    (0, -1, 1, 0): (("transpose", "cclock"),),
    (0, 1, 1, 0): (("transpose", "cclock_flip"),),
    (0, -1, -1, 0): (("transpose", "clock_flip"),),
}
# PyAV knows the side data types up to FFmpeg 7; without this, a newer type (such as EXIF) would hide all of them.
Type._missing_ = classmethod(lambda kinds, value: kinds.VIDEO_HINT)  # type: ignore[method-assign, assignment]
MAX_OVERSIZE = 4  # a picture is cropped before scaling if it would get this many times too long


@dataclass(frozen=True, slots=True)
class Geometry:
    """A stored picture's size, pixel aspect ratio and orientation."""

    width: int
    height: int
    pixel_aspect: Fraction = Fraction(1)  # width / height of a stored pixel
    orientation: tuple[int, int, int, int] = UPRIGHT

    @property
    def swaps_axes(self) -> bool:
        return self.orientation[0] == 0

    @property
    def stored_shape(self) -> tuple[Fraction, Fraction]:
        """Width and height in square pixels before rotation. Like in players, the width takes the aspect ratio."""
        return self.width * self.pixel_aspect, Fraction(self.height)

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as displayed."""
        width, height = (max(1, round(side)) for side in self.stored_shape)
        return (height, width) if self.swaps_axes else (width, height)

    def filter_steps(
        self, width: int, height: int, fit: Fit
    ) -> tuple[list[FilterStep], tuple[int, int], list[FilterStep]]:
        """Filters before scaling, the size to scale to, and filters after scaling."""
        target = (height, width) if self.swaps_axes else (width, height)
        crop, size = self._crop_and_scale(target, fit)
        after = list(ORIENTATION_FILTERS[self.orientation])
        shown = size[::-1] if self.swaps_axes else size
        kept = min(shown[0], width), min(shown[1], height)
        if kept != shown:
            left = (shown[0] - kept[0]) // 2
            top = (shown[1] - kept[1]) // 2
            after.append(("crop", f"{kept[0]}:{kept[1]}:{left}:{top}:exact=1"))
        if kept != (width, height):
            after.append(("pad", f"{width}:{height}:{(width - kept[0]) // 2}:{(height - kept[1]) // 2}:black"))
        return crop, size, after

    def _crop_and_scale(self, target: tuple[int, int], fit: Fit) -> tuple[list[FilterStep], tuple[int, int]]:
        """Cropping of very long pictures before scaling, and the size to scale to."""
        if fit == "stretch":
            return [], target
        stored = [self.width, self.height]
        crop: list[FilterStep] = []
        if fit == "crop":
            for side in range(2):
                shape = stored[0] * self.pixel_aspect, Fraction(stored[1])
                scale = max(target[0] / shape[0], target[1] / shape[1])
                if shape[side] * scale > MAX_OVERSIZE * target[side]:
                    stored[side] = max(
                        2, int(stored[side] * MAX_OVERSIZE * target[side] / (shape[side] * scale)) // 2 * 2
                    )
            if stored != [self.width, self.height]:
                crop = [("crop", f"{stored[0]}:{stored[1]}")]
        shape = stored[0] * self.pixel_aspect, Fraction(stored[1])
        choose = max if fit == "crop" else min
        scale = choose(target[0] / shape[0], target[1] / shape[1])
        return crop, (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))


def orientation_of(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """The nearest of the eight orientations to the frame's display matrix."""
    for data in cast(Iterable[SideData], frame.side_data):
        if data.type is Type.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32, 5).astype(float)
            parts = np.array([a, b, c, d])
            if not parts.any():
                return UPRIGHT
            return max(ORIENTATION_FILTERS, key=lambda turn: float(np.dot(turn, parts)))
    return UPRIGHT


def describe_fit(shown: tuple[int, int], width: int, height: int, fit: Fit) -> str:
    """One line on the change of the picture's size."""
    shown_width, shown_height = shown
    sizes = f"{shown_width}x{shown_height} -> {width}x{height}"
    if shown_width * height == shown_height * width:
        return f"{sizes}, scaled"
    return (
        sizes
        + {
            "crop": ", scaled and cropped around the centre (--fit fit keeps everything, with bars)",
            "fit": ", scaled, with black bars",
            "stretch": ", stretched",
        }[fit]
    )
