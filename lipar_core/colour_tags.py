"""A picture's colour tags (code points of ITU-T H.273), with missing tags filled in.

The same rule applies to live video and files. FFmpeg's enumerations have the same numbers; its colour range is 0 for
unspecified, 1 for limited and 2 for full.
"""

from dataclasses import dataclass

UNSPECIFIED = 2  # of matrix, primaries and transfer alike
RGB, BT709, BT601, BT2020 = 0, 1, 6, 9  # of the matrix; 1, 6 and 9 name the same standards' primaries
PQ, HLG = 16, 18  # transfer functions of HDR
LIMITED, FULL = 1, 2  # FFmpeg's colour ranges

HD_WIDTH, HD_HEIGHT = 1280, 720
RESERVED = (0, 3)
RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8", "mono", "bayer", "xyz")
FULL_FORMATS = ("yuvj", "gray", "ya8", "ya16", "yaf")  # JPEG's, and gray as FFmpeg takes it
PRIMARIES_OF_MATRIX = {BT709: BT709, 4: 4, 5: 5, BT601: BT601, 7: 7, BT2020: BT2020, 10: BT2020, 14: BT2020}
MATRIX_OF_PRIMARIES = {BT709: BT709, 4: 4, 5: 5, BT601: BT601, 7: 7, BT2020: BT2020}


@dataclass(frozen=True, slots=True)
class ColourTags:
    """Code points, none of them unspecified."""

    matrix: int
    full_range: bool
    primaries: int
    transfer: int

    @property
    def hdr(self) -> bool:
        return self.transfer in (PQ, HLG)


def resolve_colour_tags(
    width: int,
    height: int,
    pixel_format: str = "yuv420p",
    *,
    matrix: int = UNSPECIFIED,
    colour_range: int = 0,
    primaries: int = UNSPECIFIED,
    transfer: int = UNSPECIFIED,
) -> ColourTags:
    """The tags of a picture that is stored with this size, FFmpeg pixel format and tags.

    A missing tag follows from those that are there; where there is none, HD is BT.709 and SD is BT.601, YUV is of
    limited range, and RGB and JPEG are of full range.
    """
    if pixel_format.startswith(RGB_FORMATS):
        return ColourTags(RGB, True, _tag_or_default(primaries, BT709), _tag_or_default(transfer, BT709))
    full = colour_range == FULL or (colour_range != LIMITED and pixel_format.startswith(FULL_FORMATS))
    matrix, primaries, transfer = (UNSPECIFIED if tag in RESERVED else tag for tag in (matrix, primaries, transfer))
    if matrix == UNSPECIFIED:
        matrix = MATRIX_OF_PRIMARIES.get(primaries, _default_matrix(width, height, pixel_format, transfer))
    primaries = _tag_or_default(primaries, PRIMARIES_OF_MATRIX.get(matrix, BT709))
    return ColourTags(matrix, full, primaries, _tag_or_default(transfer, BT709))


def _default_matrix(width: int, height: int, pixel_format: str, transfer: int) -> int:
    """The matrix of a picture without one and without primaries that imply it."""
    if transfer in (PQ, HLG):
        return BT2020
    if pixel_format.startswith("yuvj"):
        return BT601  # JFIF has no other
    return BT709 if width >= HD_WIDTH or height >= HD_HEIGHT else BT601


def _tag_or_default(tag: int, otherwise: int) -> int:
    return otherwise if tag in (UNSPECIFIED, *RESERVED) else tag
