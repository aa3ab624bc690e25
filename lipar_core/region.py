"""The region of the picture that is edited or frozen, as a live parameter."""

import base64
import binascii
import re
import zlib
from typing import Annotated, Literal

from msgspec import Meta

from lipar_core.errors import ParameterError
from lipar_core.fields import describe
from lipar_core.parsing import ConfigStruct

MAX_MASK_SIDE = 1024  # pixels
MASK_FORMAT = "must be WIDTHxHEIGHT:DATA with sides of 1 to 1024, DATA one byte per pixel, zlib, base64"
_MASK = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3}):([A-Za-z0-9+/]+=*)")

Ratio = Annotated[float, Meta(ge=0, le=1)]


class Region(ConfigStruct, frozen=True, kw_only=True):
    """Which part of the picture is computed. Without `box` and `mask`: the whole picture, in both modes."""

    source: Annotated[
        Literal["shape", "frames"],
        describe(
            "Region source",
            "shape: box or mask; frames: a mask for each frame, which a session receives on the data channel "
            "`region-masks`; while there is none, the whole picture is computed",
        ),
    ] = "shape"
    mode: Annotated[
        Literal["edit", "freeze"],
        describe(
            "Region mode",
            "edit: outside the region nothing is computed and the source is shown; freeze: inside it nothing is "
            "computed and the last edited picture is shown",
        ),
    ] = "edit"
    box: Annotated[
        tuple[Ratio, Ratio, Ratio, Ratio] | None,
        describe(
            "Region box",
            "left, top, width and height, in ratios of the edited picture's width and height; setting it unsets mask",
        ),
    ] = None
    mask: Annotated[
        Annotated[str, Meta(max_length=65536)] | None,
        describe(
            "Region mask",
            "a grey picture of the region, scaled to the whole edited picture: WIDTHxHEIGHT:DATA, where DATA is one "
            "byte per pixel (0 outside, 255 inside), row by row, compressed by zlib, in base64; setting it unsets box",
        ),
    ] = None
    feather: Annotated[
        float,
        describe(
            "Region feather",
            "width of the soft edge inside the region, in ratios of the edited picture's shorter side",
            ge=0,
            le=0.25,
        ),
    ] = 0.02

    def __post_init__(self) -> None:
        if self.box is not None:
            if self.mask is not None:
                raise ParameterError("region.box", list(self.box), "cannot be set together with region.mask")
            _check_box(self.box)
        if self.mask is not None:
            decode_mask(self.mask)

    @property
    def is_set(self) -> bool:
        """Whether it has a shape of its own."""
        return self.source == "shape" and (self.box is not None or self.mask is not None)


def encode_mask(width: int, height: int, levels: bytes) -> str:
    """levels: one byte per pixel, row by row."""
    return f"{width}x{height}:{base64.b64encode(zlib.compress(levels, 9)).decode()}"


def decode_mask(mask: str) -> tuple[int, int, bytes]:
    """Width, height, and one byte per pixel, row by row. Raises `ParameterError`."""
    match = _MASK.fullmatch(mask)
    if match is None or max(int(match[1]), int(match[2])) > MAX_MASK_SIDE:
        raise ParameterError("region.mask", mask[:40], MASK_FORMAT)
    width, height = int(match[1]), int(match[2])
    count = width * height
    try:
        levels = zlib.decompressobj().decompress(base64.b64decode(match[3], validate=True), count + 1)
    except (zlib.error, binascii.Error):
        raise ParameterError("region.mask", mask[:40], MASK_FORMAT) from None
    if len(levels) != count:
        actual = f"more than {count}" if len(levels) > count else str(len(levels))
        raise ParameterError("region.mask", mask[:40], f"must have {count} bytes of data, has {actual}")
    return width, height, levels


def _check_box(box: tuple[float, float, float, float]) -> None:
    left, top, width, height = box
    if width == 0 or height == 0:
        raise ParameterError("region.box", list(box), "must have a width and a height above 0")
    if left + width > 1 + 1e-6 or top + height > 1 + 1e-6:
        raise ParameterError("region.box", list(box), "must lie inside the picture: left + width and top + height <= 1")
