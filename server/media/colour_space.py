"""A stream's colour space, as the color-space RTP header extension carries it."""

from dataclasses import dataclass

from lipar_core.colour_tags import UNSPECIFIED

DERIVED = 3  # range code: follows from the transfer function


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Code points of ITU-T H.273; the range in FFmpeg's numbering, 0 if unknown."""

    primaries: int
    transfer: int
    matrix: int
    range: int

    def with_defaults(self, other: "ColourSpace") -> "ColourSpace":
        """Fields that are unspecified here are taken from `other`."""

        def specified(value: int, default: int) -> int:
            return default if value == UNSPECIFIED else value

        return ColourSpace(
            specified(self.primaries, other.primaries),
            specified(self.transfer, other.transfer),
            specified(self.matrix, other.matrix),
            self.range or other.range,
        )


def read_colour_space(value: bytes) -> ColourSpace | None:
    """Parse primaries, transfer, matrix, then range and chroma siting in one byte; HDR metadata may follow."""
    if len(value) < 4:
        return None
    colour_range = value[3] >> 4 & 3
    return ColourSpace(value[0], value[1], value[2], 0 if colour_range == DERIVED else colour_range)
