"""The RTP header extension that says a picture's colours: browsers send it, as VP8 has no place for them."""

from dataclasses import dataclass
from typing import Any

from aiortc import codecs
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, unpack_header_extensions

from lipar_core.colour_tags import UNSPECIFIED
from server.media.aiortc_patches import own

URI = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
ID = 13  # in offers of ours; an answer takes the offer's
DERIVED = 3  # a range that follows from the transfer function


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Code points of ITU-T H.273; the range as FFmpeg counts it, 0 where it is not known."""

    primaries: int
    transfer: int
    matrix: int
    range: int

    def completed_by(self, other: "ColourSpace") -> "ColourSpace":
        """What this leaves unspecified comes from the other."""

        def known(mine: int, theirs: int) -> int:
            return theirs if mine == UNSPECIFIED else mine

        return ColourSpace(
            known(self.primaries, other.primaries),
            known(self.transfer, other.transfer),
            known(self.matrix, other.matrix),
            self.range or other.range,
        )


def read_colour_space(value: bytes) -> ColourSpace | None:
    """Primaries, transfer, matrix, then range and where chroma is sampled; HDR's metadata may follow."""
    if len(value) < 4:
        return None
    colour_range = value[3] >> 4 & 3
    return ColourSpace(value[0], value[1], value[2], 0 if colour_range == DERIVED else colour_range)


def register_colour_space() -> None:
    """Agree on the extension, and have packets bring it as `extensions.colour_space`."""
    known = own(codecs, "HEADER_EXTENSIONS")["video"]
    if any(one.uri == URI for one in known):
        return
    known.append(RTCRtpHeaderExtensionParameters(id=ID, uri=URI))
    configure, get = own(HeaderExtensionsMap, "configure"), own(HeaderExtensionsMap, "get")

    def configure_too(self: Any, parameters: RTCRtpParameters) -> None:
        configure(self, parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == URI:
                self.colour_space_id = extension.id

    def get_too(self: Any, profile: int, value: bytes) -> HeaderExtensions:
        values: Any = get(self, profile, value)
        wanted = getattr(self, "colour_space_id", None)
        if wanted is not None:
            found = dict(unpack_header_extensions(profile, value)).get(wanted)
            values.colour_space = None if found is None else read_colour_space(found)
        return values  # type: ignore[no-any-return]

    HeaderExtensionsMap.configure = configure_too  # type: ignore[method-assign]
    HeaderExtensionsMap.get = get_too  # type: ignore[method-assign, assignment]
