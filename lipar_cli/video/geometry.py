"""How a stored picture becomes the model's: square pixels, upright, cut or fitted to size."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type

Fit = Literal["crop", "fit", "stretch"]
FilterStep = tuple[str, str]  # an FFmpeg filter's name and its arguments

UPRIGHT = (1, 0, 0, 1)
# The linear part of a display matrix, a b c d: x' = a x + c y, y' = b x + d y.
TURNS: dict[tuple[int, int, int, int], tuple[FilterStep, ...]] = {
    UPRIGHT: (),
    (-1, 0, 0, 1): (("hflip", ""),),
    (1, 0, 0, -1): (("vflip", ""),),
    (-1, 0, 0, -1): (("hflip", ""), ("vflip", "")),
    (0, 1, -1, 0): (("transpose", "clock"),),
    (0, -1, 1, 0): (("transpose", "cclock"),),
    (0, 1, 1, 0): (("transpose", "cclock_flip"),),
    (0, -1, -1, 0): (("transpose", "clock_flip"),),
}
# PyAV names the kinds of side data up to FFmpeg 7's; a frame with a newer one (EXIF, say) would give none at all.
Type._missing_ = classmethod(lambda kinds, value: kinds.VIDEO_HINT)  # type: ignore[method-assign, assignment]
OVERSIZE = 4  # a picture is cut before it is scaled where scaling would make it this many times too long


@dataclass(frozen=True, slots=True)
class Geometry:
    """A stored picture's size, the shape of its pixels and how it is to be turned."""

    width: int
    height: int
    pixel_aspect: Fraction = Fraction(1)  # width / height of a stored pixel
    orientation: tuple[int, int, int, int] = UPRIGHT

    @property
    def sideways(self) -> bool:
        return self.orientation[0] == 0

    @property
    def stored_shape(self) -> tuple[Fraction, Fraction]:
        """Width and height in square pixels, not turned. As a player does, the width takes the pixels' shape."""
        return self.width * self.pixel_aspect, Fraction(self.height)

    @property
    def shown_size(self) -> tuple[int, int]:
        """What a viewer sees."""
        wide, tall = (max(1, round(side)) for side in self.stored_shape)
        return (tall, wide) if self.sideways else (wide, tall)

    def steps(self, width: int, height: int, fit: Fit) -> tuple[list[FilterStep], tuple[int, int], list[FilterStep]]:
        """Filters before scaling, the stored picture's new size, and filters after it."""
        aim = (height, width) if self.sideways else (width, height)
        cut, size = self._scaled(aim, fit)
        after = list(TURNS[self.orientation])
        shown = size[::-1] if self.sideways else size
        kept = min(shown[0], width), min(shown[1], height)
        if kept != shown:
            left, top = (shown[0] - kept[0]) // 2, (shown[1] - kept[1]) // 2
            after.append(("crop", f"{kept[0]}:{kept[1]}:{left}:{top}:exact=1"))
        if kept != (width, height):
            after.append(("pad", f"{width}:{height}:{(width - kept[0]) // 2}:{(height - kept[1]) // 2}:black"))
        return cut, size, after

    def _scaled(self, aim: tuple[int, int], fit: Fit) -> tuple[list[FilterStep], tuple[int, int]]:
        """A first cut of very long pictures, and the size to scale to."""
        if fit == "stretch":
            return [], aim
        stored = [self.width, self.height]
        cut: list[FilterStep] = []
        if fit == "crop":
            for side in range(2):
                shape = stored[0] * self.pixel_aspect, Fraction(stored[1])
                scale = max(aim[0] / shape[0], aim[1] / shape[1])
                if shape[side] * scale > OVERSIZE * aim[side]:
                    stored[side] = max(2, int(stored[side] * OVERSIZE * aim[side] / (shape[side] * scale)) // 2 * 2)
            if stored != [self.width, self.height]:
                cut = [("crop", f"{stored[0]}:{stored[1]}")]
        shape = stored[0] * self.pixel_aspect, Fraction(stored[1])
        choose = max if fit == "crop" else min
        scale = choose(aim[0] / shape[0], aim[1] / shape[1])
        return cut, (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))


def orientation_of(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """The nearest of the eight ways to turn and mirror, by the frame's display matrix."""
    for data in cast(Iterable[SideData], frame.side_data):
        if data.type is Type.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32, 5).astype(float)
            parts = np.array([a, b, c, d])
            if not parts.any():
                return UPRIGHT
            return max(TURNS, key=lambda turn: float(np.dot(turn, parts)))
    return UPRIGHT


def describe_fit(shown: tuple[int, int], width: int, height: int, fit: Fit) -> str:
    """One line on what happens to the picture's size."""
    wide, tall = shown
    said = f"{wide}x{tall} -> {width}x{height}"
    if wide * height == tall * width:
        return f"{said}, scaled"
    return (
        said
        + {
            "crop": ", scaled and cropped around the middle (--fit fit keeps all of it, with bars)",
            "fit": ", scaled, with black bars",
            "stretch": ", stretched",
        }[fit]
    )
